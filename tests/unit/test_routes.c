/* SPDX-License-Identifier: MPL-2.0 */

/* Which connection a routing id stands for: exact, bounded, and forgotten when asked. */

#include "failing_memory.h"
#include "base/map.c"
#include "net/routes.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_route_is_found_by_its_id_and_by_its_number(void **state)
{
    (void)state;
    struct gw_routes routes;
    uint8_t id[255];

    memset(id, 'x', sizeof id);
    gw_routes_init(&routes, 300, 1);
    for (size_t size = 1; size <= 255; size++) {
        assert_null(gw_routes_find(&routes, id, size));
        struct gw_route *route = gw_routes_add(&routes, size, id, size);
        assert_non_null(route);
        assert_ptr_equal(gw_routes_find(&routes, id, size), route);
    }
    for (size_t size = 1; size <= 255; size++) {
        assert_int_equal(gw_routes_of(&routes, size)->size, size);
        gw_routes_forget(&routes, size);
        gw_routes_forget(&routes, size);
        assert_null(gw_routes_of(&routes, size));
        assert_null(gw_routes_find(&routes, id, size));
    }
    assert_int_equal(routes.by_id.count, 0);
    gw_routes_clear(&routes);
}

static void no_more_routes_are_known_than_allowed(void **state)
{
    (void)state;
    struct gw_routes routes;

    gw_routes_init(&routes, 3, 1);
    for (uint64_t conn = 1; conn <= 3; conn++)
        assert_non_null(gw_routes_add(&routes, conn, &conn, sizeof conn));
    assert_null(gw_routes_add(&routes, 4, "four", 4));
    gw_routes_forget(&routes, 2);
    assert_non_null(gw_routes_add(&routes, 4, "four", 4));
    gw_routes_clear(&routes);
}

/* Puts three routes under one hash, as a collision would. */
static void ids_of_one_hash_are_told_apart(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "b", "c"};

    for (size_t removed = 0; removed < 3; removed++) {
        struct gw_routes routes;
        uint64_t hash;
        gw_routes_init(&routes, 8, 1);
        hash = hash_of(&routes, "a", 1);
        struct gw_route *next = NULL;
        for (size_t i = 0; i < 3; i++) {
            struct gw_route *route = gw_routes_add(&routes, i + 1, ids[i], 1);
            gw_map_remove(&routes.by_id, hash_of(&routes, ids[i], 1));
            route->next_alike = next;
            next = route;
            memcpy(route->id, "a", 1); /* all hash alike now; numbers tell them apart */
            gw_map_put(&routes.by_id, hash, route);
        }
        gw_routes_forget(&routes, removed + 1);
        size_t left = 0;
        for (const struct gw_route *at = gw_map_get(&routes.by_id, hash); at; at = at->next_alike) {
            assert_int_not_equal(at->conn, removed + 1);
            left++;
        }
        assert_int_equal(left, 2);
        gw_routes_clear(&routes);
    }
}

static void without_memory_no_half_of_a_route_stays(void **state)
{
    (void)state;
    for (size_t fail_at = 0; fail_at < 3; fail_at++) {
        struct gw_routes routes;
        gw_routes_init(&routes, 8, 1);
        memory_left = fail_at;
        assert_null(gw_routes_add(&routes, 1, "a", 1));
        memory_left = SIZE_MAX;
        assert_null(gw_routes_of(&routes, 1));
        assert_null(gw_routes_find(&routes, "a", 1));
        assert_non_null(gw_routes_add(&routes, 1, "a", 1));
        gw_routes_clear(&routes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_is_found_by_its_id_and_by_its_number),
        cmocka_unit_test(no_more_routes_are_known_than_allowed),
        cmocka_unit_test(ids_of_one_hash_are_told_apart),
        cmocka_unit_test(without_memory_no_half_of_a_route_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
