/* SPDX-License-Identifier: MPL-2.0 */
/* Lines of the ledger: written in pieces that a pipe takes whole, so that threads do not mix theirs
 * and a kill leaves no half of one. */

#include "peer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(PEER_SAY_SIZE <= PIPE_BUF, "a write must go in whole");

#define LINE_MAX_SIZE 160

void peer_say_all(struct peer_say *say)
{
    for (size_t at = 0; at < say->size;) {
        ssize_t written = write(STDOUT_FILENO, say->text + at, say->size - at);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            peer_complain("the ledger cannot be written: %s", strerror(errno));
            _exit(PEER_FAILED);
        }
        at += (size_t)written;
    }
    say->size = 0;
}

void peer_say(struct peer_say *say, const char *format, ...)
{
    va_list arguments;

    if (say->size + LINE_MAX_SIZE > sizeof say->text)
        peer_say_all(say);
    va_start(arguments, format);
    int size = vsnprintf(say->text + say->size, LINE_MAX_SIZE - 1, format, arguments);
    va_end(arguments);
    say->size += size < LINE_MAX_SIZE - 1 ? (size_t)size : LINE_MAX_SIZE - 2;
    say->text[say->size++] = '\n';
}

bool peer_unheard(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    if (poll(&out, 1, 0) <= 0 || !(out.revents & POLLERR))
        return false;
    peer_complain("nobody reads the ledger any more");
    return true;
}

bool peer_ranges_add(struct peer_ranges *ranges, godwit_id_t id, uint32_t tag)
{
    struct peer_range *last = ranges->count ? &ranges->ranges[ranges->count - 1] : NULL;

    if (last && last->first.epoch == id.epoch && last->tag == tag &&
        last->first.sequence + last->count == id.sequence) {
        last->count++;
        return true;
    }
    if (ranges->count == PEER_RANGES_MAX)
        return false;
    ranges->ranges[ranges->count++] = (struct peer_range){.first = id, .count = 1, .tag = tag};
    return true;
}

const char *peer_range_text(const struct peer_range *range)
{
    static _Thread_local char text[GODWIT_ID_TEXT_SIZE + 24];

    godwit_id_format(range->first, text);
    if (range->count > 1)
        snprintf(text + strlen(text), 24, "+%llu", (unsigned long long)range->count - 1);
    return text;
}
