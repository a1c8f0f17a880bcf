/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_LIST_H
#define GW_BASE_LIST_H

/* Lists whose links live in their items, so that an item leaves one without a search. An item has
 * two fields for each list that it may be in: the next item, and the place that points at it.
 *
 *     struct thing { struct thing *next, **here; };      here: NULL while it is in no list
 *     struct thing *things;                              the first; NULL: none
 *     gw_list_push(&things, thing, next, here);          before all others
 *     gw_list_remove(thing, next, here);                 or nothing, if it is in none
 *     gw_list_leave(thing, next, here);                  the same; it is in one
 *
 * In a walk an item may leave its list if its next one was looked up before. */

#define gw_list_push(first, item, next, here)                                                     \
    do {                                                                                          \
        (item)->next = *(first);                                                                  \
        (item)->here = (first);                                                                   \
        if ((item)->next)                                                                         \
            (item)->next->here = &(item)->next;                                                   \
        *(first) = (item);                                                                        \
    } while (0)

#define gw_list_leave(item, next, here)                                                           \
    do {                                                                                          \
        *(item)->here = (item)->next;                                                             \
        if ((item)->next)                                                                         \
            (item)->next->here = (item)->here;                                                    \
        (item)->here = NULL;                                                                      \
    } while (0)

#define gw_list_remove(item, next, here)                                                          \
    do {                                                                                          \
        if ((item)->here)                                                                         \
            gw_list_leave(item, next, here);                                                      \
    } while (0)

#endif
