/* SPDX-License-Identifier: MPL-2.0 */
#ifndef STAGE_NAME_H
#define STAGE_NAME_H

/* "resize" is the destination "stage:resize". */

#include <string.h>

#define STAGE_PREFIX "stage:"
#define STAGE_DESTINATION_SIZE 96 /* more than any valid name needs */

/* NULL stays NULL, and a name that is too long stays too long: the call that gets the destination
 * refuses both with a sentence. */
static inline const char *stage_destination(const char *stage, char text[STAGE_DESTINATION_SIZE])
{
    size_t room = STAGE_DESTINATION_SIZE - sizeof STAGE_PREFIX;

    if (!stage)
        return NULL;
    size_t length = strnlen(stage, room);
    memcpy(text, STAGE_PREFIX, sizeof STAGE_PREFIX - 1);
    memcpy(text + sizeof STAGE_PREFIX - 1, stage, length);
    text[sizeof STAGE_PREFIX - 1 + length] = '\0';
    return text;
}

#endif
