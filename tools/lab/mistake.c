/* SPDX-License-Identifier: MPL-2.0 */
/* Two sentences of a bounded length each. */

#include "mistake.h"

#include "common/suggest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool lab_mistaken(struct lab_mistake *mistake, int line, const char *format, ...)
{
    va_list arguments;

    if (mistake->what[0])
        return false;
    mistake->line = line;
    va_start(arguments, format);
    vsnprintf(mistake->what, sizeof mistake->what, format, arguments);
    va_end(arguments);
    return false;
}

bool lab_mend(struct lab_mistake *mistake, const char *format, ...)
{
    va_list arguments;

    if (mistake->mend[0])
        return false;
    va_start(arguments, format);
    vsnprintf(mistake->mend, sizeof mistake->mend, format, arguments);
    va_end(arguments);
    return false;
}

bool lab_mend_word(struct lab_mistake *mistake, const char *word, const char *const *words,
                   size_t count)
{
    const char *meant = suggest(word, words, count);
    size_t used = 0, room = sizeof mistake->mend;

    if (mistake->mend[0])
        return false;
    if (meant)
        used = (size_t)snprintf(mistake->mend, room, "did you mean `%s`? ", meant);
    used += (size_t)snprintf(mistake->mend + used, room - used, "known: ");
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]) + 2; /* with the comma and the blank */
        if (used + size + 4 > room) {
            snprintf(mistake->mend + used, room - used, "...");
            return false;
        }
        used += (size_t)snprintf(mistake->mend + used, room - used, "%s%s", words[i],
                                 i + 1 < count ? ", " : "");
    }
    return false;
}
