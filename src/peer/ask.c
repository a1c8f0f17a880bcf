/* SPDX-License-Identifier: MPL-2.0 */

/* Requests of the control socket, read. */

#include "peer/answer.h"

#include <stdlib.h>
#include <string.h>

godwit_err_t gw_ask_parse(struct gw_ask *ask, const char *line, size_t size)
{
    char *at = ask->line, *end = ask->line + size;

    *ask = (struct gw_ask){0};
    if (size >= sizeof ask->line)
        return gw_error(GODWIT_ETOOLARGE, "the request has more than %d bytes", GW_ASK_LINE - 1);
    for (size_t i = 0; i < size; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            return gw_error(GODWIT_EINVAL, "the request is not a line of printable ASCII");
    memcpy(ask->line, line, size);
    while (at < end) {
        if (ask->count == GW_ASK_WORDS)
            return gw_error(GODWIT_EINVAL, "the request has more than %d words", GW_ASK_WORDS);
        ask->words[ask->count++] = at;
        at += strcspn(at, " ");
        *at++ = '\0';
    }
    for (size_t i = 0; i < ask->count; i++)
        if (!ask->words[i][0])
            return gw_error(GODWIT_EINVAL, "the request has a space too many");
    return ask->count ? GODWIT_OK : gw_error(GODWIT_EINVAL, "the request is empty");
}

void gw_ask_clear(struct gw_ask *ask)
{
    free(ask->body);
    ask->body = NULL;
}

bool gw_ask_is(const struct gw_ask *ask, const char *first, const char *second)
{
    if (ask->count < (second ? 2 : 1) || strcmp(ask->words[0], first) != 0)
        return false;
    return !second || strcmp(ask->words[1], second) == 0;
}

bool gw_ask_number(const char *text, uint64_t most, uint64_t *value)
{
    uint64_t number = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > most / 10)
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
        if (number > most)
            return false;
    }
    *value = number;
    return true;
}

godwit_err_t gw_ask_body(const struct gw_ask *ask, size_t *size)
{
    uint64_t value = 0;

    *size = 0;
    if (!gw_ask_is(ask, "send", NULL))
        return GODWIT_OK;
    if (ask->count < 4 || !gw_ask_number(ask->words[3], GW_ASK_BODY, &value))
        return gw_error(GODWIT_EINVAL, "a send is: send DESTINATION COUNT BYTES [KEY=VALUE ...], "
                                       "BYTES up to %d", GW_ASK_BODY);
    *size = (size_t)value;
    return GODWIT_OK;
}

godwit_err_t gw_ask_id(const struct gw_ask *ask, size_t at, godwit_id_t *id)
{
    if (ask->count <= at)
        return gw_error(GODWIT_EINVAL, "an id is missing: 32 hex digits");
    return godwit_id_parse(ask->words[at], id);
}

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* Decodes %XX in place of the text; false if one is malformed. */
static bool decode(const char *text, uint8_t *bytes, size_t *size)
{
    *size = 0;
    for (; *text; text++) {
        if (*text != '%') {
            bytes[(*size)++] = (uint8_t)*text;
            continue;
        }
        int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);
        if (low < 0)
            return false;
        bytes[(*size)++] = (uint8_t)(high * 16 + low);
        text += 2;
    }
    return true;
}

godwit_err_t gw_ask_headers(const struct gw_ask *ask, size_t at, godwit_message_t *message)
{
    uint8_t value[GW_ASK_LINE];
    godwit_err_t error = GODWIT_OK;

    for (; at < ask->count && !error; at++) {
        const char *word = ask->words[at], *equals = strchr(word, '=');
        char key[GW_NAME_MAX + 1] = "";
        size_t size;

        if (!equals || (size_t)(equals - word) >= sizeof key || !decode(equals + 1, value, &size))
            return gw_error(GODWIT_EINVAL, "a header is KEY=VALUE, %%XX for other bytes, "
                                           "not \"%.80s\"", word);
        memcpy(key, word, (size_t)(equals - word));
        error = godwit_message_set_header(message, key, value, size);
    }
    return error;
}

godwit_err_t gw_ask_unknown(const struct gw_ask *ask)
{
    return gw_error(GODWIT_EINVAL, "no request is \"%.60s%s%.60s\": the command `godwit` and the "
                    "peer may be of different versions", ask->words[0], ask->count > 1 ? " " : "",
                    ask->count > 1 ? ask->words[1] : "");
}
