/* SPDX-License-Identifier: MPL-2.0 */
/* Times, sizes, commands. */

#include "words.h"

#include "scenario.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)
#define YEAR_S    UINT64_C(31557600) /* of 365.25 days */

/* --- numbers --- */

/* Digits at the beginning of `text`; false: there are none, or the number is above `limit`. */
static bool take_digits(const char **text, uint64_t limit, uint64_t *value)
{
    const char *at = *text;

    *value = 0;
    if (*at < '0' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*value > (limit - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    *text = at;
    return *value <= limit;
}

bool lab_read_number(const char *text, uint64_t limit, uint64_t *value)
{
    return limit >= 9 && take_digits(&text, limit, value) && !*text;
}

struct unit {
    const char *name;
    uint64_t times;
};

static bool times_unit(const char *name, const struct unit *units, uint64_t *value)
{
    for (; units->name; units++) {
        if (strcmp(units->name, name) != 0)
            continue;
        *value *= units->times;
        return true;
    }
    return false;
}

bool lab_read_size(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"", 1},
                                        {"k", UINT64_C(1) << 10},
                                        {"K", UINT64_C(1) << 10},
                                        {"M", UINT64_C(1) << 20},
                                        {"G", UINT64_C(1) << 30},
                                        {NULL, 0}};

    return take_digits(&text, UINT64_C(1) << 32, bytes) && times_unit(text, units, bytes);
}

/* Up to six decimals, as millionths. */
static bool take_decimals(const char **text, uint64_t *millionths)
{
    uint64_t worth = SECOND_US / 10;

    *millionths = 0;
    if (**text != '.' || (*text)[1] < '0' || (*text)[1] > '9')
        return **text != '.';
    for (++*text; **text >= '0' && **text <= '9'; ++*text) {
        if (worth == 0)
            return false;
        *millionths += worth * (uint64_t)(**text - '0');
        worth /= 10;
    }
    return true;
}

/* `whole` and `millionths` of what is called `name`, as microseconds. */
static bool scale(uint64_t whole, uint64_t millionths, const char *name, uint64_t limit_us,
                  uint64_t *us)
{
    static const struct unit units[] = {{"", SECOND_US},
                                        {"us", 1},
                                        {"ms", 1000},
                                        {"s", SECOND_US},
                                        {"m", 60 * SECOND_US},
                                        {"h", 3600 * SECOND_US},
                                        {"d", 86400 * SECOND_US},
                                        {"y", YEAR_S * SECOND_US},
                                        {NULL, 0}};
    uint64_t unit = 1;

    if (!times_unit(name, units, &unit) || whole > limit_us / unit)
        return false;
    *us = whole * unit + millionths * (unit / SECOND_US) +
          millionths * (unit % SECOND_US) / SECOND_US;
    return *us <= limit_us;
}

static bool read_time(const char *text, uint64_t limit_us, uint64_t *us)
{
    uint64_t whole, millionths;

    return take_digits(&text, UINT64_MAX / 2, &whole) && take_decimals(&text, &millionths) &&
           scale(whole, millionths, text, limit_us, us);
}

bool lab_read_time(const char *text, uint64_t *us)
{
    return read_time(text, LAB_SECONDS_MAX * SECOND_US, us);
}

bool lab_read_span(const char *text, struct lab_span *span)
{
    const char *dots = strstr(text, "..");
    char low[LAB_TIME_SIZE];

    if (!dots) {
        bool good = lab_read_time(text, &span->low_us);
        span->high_us = span->low_us;
        return good;
    }
    if ((size_t)(dots - text) >= sizeof low)
        return false;
    memcpy(low, text, (size_t)(dots - text));
    low[dots - text] = '\0';
    return lab_read_time(low, &span->low_us) && lab_read_time(dots + 2, &span->high_us) &&
           span->low_us <= span->high_us;
}

bool lab_read_shift(const char *text, int64_t *us)
{
    uint64_t size;

    if ((*text != '+' && *text != '-') || !read_time(text + 1, 100 * YEAR_S * SECOND_US, &size))
        return false;
    *us = *text == '-' ? -(int64_t)size : (int64_t)size;
    return true;
}

static const struct {
    const char *name;
    int number;
} errors[] = {
    {"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EFBIG", EFBIG},
    {"EROFS", EROFS},   {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
    {"ENOMEM", ENOMEM}, {"EINTR", EINTR},   {"EAGAIN", EAGAIN},
};

const char *const lab_errno_names[] = {"ENOSPC", "EIO",    "EDQUOT", "EFBIG", "EROFS", "EACCES",
                                       "EMFILE", "ENFILE", "ENOMEM", "EINTR", "EAGAIN"};
const size_t lab_errno_count = sizeof lab_errno_names / sizeof *lab_errno_names;
_Static_assert(sizeof lab_errno_names / sizeof *lab_errno_names == sizeof errors / sizeof *errors,
               "each error has its name");

bool lab_read_errno(const char *text, int *error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (strcmp(errors[i].name, text) == 0) {
            *error = errors[i].number;
            return true;
        }
    }
    return false;
}

const char *lab_time_text(char text[LAB_TIME_SIZE], uint64_t us)
{
    if (us < 1000)
        snprintf(text, LAB_TIME_SIZE, "%u us", (unsigned)us);
    else if (us < SECOND_US)
        snprintf(text, LAB_TIME_SIZE, "%u ms", (unsigned)(us / 1000));
    else if (us % SECOND_US < 1000)
        snprintf(text, LAB_TIME_SIZE, "%llu s", (unsigned long long)(us / SECOND_US));
    else
        snprintf(text, LAB_TIME_SIZE, "%.3g s", (double)us / 1e6);
    return text;
}

/* --- words --- */

/* Copies one word from `*text` to `*out`, both moved on; false: a quote is open. */
static bool take_word(const char **text, char **out)
{
    const char *at = *text;
    char *to = *out, quote = 0;

    for (; *at && (quote || !strchr(" \t", *at)); at++) {
        if (*at == quote)
            quote = 0;
        else if (!quote && (*at == '\'' || *at == '"'))
            quote = *at;
        else if (*at == '\\' && at[1] && (!quote || (quote == '"' && strchr("\"\\", at[1]))))
            *to++ = *++at;
        else
            *to++ = *at;
    }
    *to++ = '\0';
    *text = at;
    *out = to;
    return !quote;
}

/* The words lie behind the pointers to them: at most one for two letters. */
char **lab_words_split(const char *text, const char **why)
{
    size_t size = strlen(text), most = size / 2 + 2, count = 0;
    char **words = malloc(most * sizeof *words + size + 1);
    char *out = (char *)(words + most);

    *why = "out of memory";
    if (!words)
        return NULL;
    text += strspn(text, " \t");
    while (*text) {
        words[count++] = out;
        if (!take_word(&text, &out)) {
            *why = "a quote is not closed";
            free(words);
            return NULL;
        }
        text += strspn(text, " \t");
    }
    words[count] = NULL;
    *why = "there is no command";
    if (count > 0 && *words[0])
        return words;
    free(words);
    return NULL;
}

void lab_words_free(char **words)
{
    free(words);
}

/* --- substitutions --- */

static size_t place_name_size(const char *text)
{
    size_t size = 0;

    while (isalnum((unsigned char)text[size]) || (text[size] && strchr("-_.:", text[size])))
        size++;
    return size;
}

bool lab_place_next(const char *word, size_t at, struct lab_place *place)
{
    while (word[at]) {
        if (word[at] != '{') {
            at++;
            continue;
        }
        size_t size = place_name_size(word + at + 1);
        if (size > 0 && size < sizeof place->name && word[at + 1 + size] == '}') {
            *place = (struct lab_place){.at = at, .size = size + 2};
            memcpy(place->name, word + at + 1, size);
            return true;
        }
        at += word[at + 1] == '{' ? 2 : 1;
    }
    return false;
}

/* Adds `size` bytes; false: out of memory. */
static bool append(char **text, size_t *used, const char *bytes, size_t size)
{
    char *more = realloc(*text, *used + size + 1);

    if (!more)
        return false;
    memcpy(more + *used, bytes, size);
    *used += size;
    more[*used] = '\0';
    *text = more;
    return true;
}

/* What is no place: `{{` becomes one brace. */
static bool append_plain(char **text, size_t *used, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!append(text, used, bytes + i, 1))
            return false;
        if (bytes[i] == '{' && i + 1 < size && bytes[i + 1] == '{')
            i++;
    }
    return true;
}

char *lab_places_fill(const char *word, const char *(*value)(void *context, const char *name),
                      void *context)
{
    struct lab_place place;
    size_t at = 0, used = 0;
    char *text = NULL;
    bool good = append(&text, &used, "", 0);

    while (good && lab_place_next(word, at, &place)) {
        const char *filled = value(context, place.name);
        good = filled && append_plain(&text, &used, word + at, place.at - at) &&
               append(&text, &used, filled, strlen(filled));
        at = place.at + place.size;
    }
    if (good && append_plain(&text, &used, word + at, strlen(word + at)))
        return text;
    free(text);
    return NULL;
}
