/* SPDX-License-Identifier: MPL-2.0 */
#ifndef NET_PAIR_H
#define NET_PAIR_H

/* What the net's tests share: a net that remembers what it received, and waiting with a limit. All
 * nets of a test live in one thread and are polled in turn. */

#include "net/net.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MAX_FRAME  (2 * 1024 * 1024)
#define PATIENCE_S 20

struct side {
    struct gw_net *net;
    size_t frames, malformed;
    uint64_t conn;         /* of the last frame */
    uint64_t next;         /* the number that the next frame must carry, if `numbered` */
    bool numbered;
    uint8_t header[64];    /* the last one's, cut off */
    size_t header_size;
    struct gw_blob *body;  /* the last one */
};

static inline void on_frame(void *context, uint64_t conn, struct gw_slice header,
                            struct gw_blob *body)
{
    struct side *side = context;
    uint64_t number;

    side->frames++;
    side->conn = conn;
    side->header_size = header.size;
    memcpy(side->header, header.data, header.size < 64 ? header.size : 64);
    gw_blob_drop(side->body);
    side->body = body;
    if (side->numbered && header.size == sizeof number) {
        memcpy(&number, header.data, sizeof number);
        assert_int_equal(number, side->next);
        side->next++;
    }
}

static inline void on_malformed(void *context, uint64_t conn)
{
    struct side *side = context;

    side->malformed++;
    side->conn = conn;
}

static const struct gw_net_handler handler = {.frame = on_frame, .malformed = on_malformed};

static inline void open_side(struct side *side)
{
    char why[256] = "";

    *side = (struct side){0};
    if (gw_net_open(MAX_FRAME, &side->net, why, sizeof why) != 0)
        fail_msg("open: %s", why);
}

static inline void close_side(struct side *side)
{
    gw_net_close(&side->net);
    gw_blob_drop(side->body);
    side->body = NULL;
}

static inline void bind_side(struct side *side, const char *endpoint, char bound[256])
{
    char why[256] = "";

    if (gw_net_bind(side->net, endpoint, bound, 256, why, sizeof why) != 0)
        fail_msg("bind: %s", why);
}

static inline uint64_t dial_side(struct side *side, const char *endpoint)
{
    char why[256] = "";
    uint64_t conn = 0;

    if (gw_net_dial(side->net, endpoint, &conn, why, sizeof why) != 0)
        fail_msg("dial: %s", why);
    return conn;
}

static inline struct gw_slice slice_of(const char *text)
{
    return (struct gw_slice){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline int send_text(struct side *side, uint64_t conn, const char *text)
{
    return gw_net_send(side->net, conn, slice_of(text), NULL, (struct gw_slice){0});
}

static inline double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void pump(struct side *a, struct side *b)
{
    gw_net_poll(a->net, b ? 0 : 1000, 1000, &handler, a);
    if (b)
        gw_net_poll(b->net, 1000, 1000, &handler, b);
}

/* Polls both until the condition holds; b may be NULL. */
#define UNTIL(a, b, condition)                                                                    \
    do {                                                                                          \
        double limit_ = now_s() + PATIENCE_S;                                                     \
        while (!(condition)) {                                                                    \
            assert_true(now_s() < limit_);                                                        \
            pump(a, b);                                                                           \
        }                                                                                         \
    } while (0)

/* A frame from the dialler, again and again until the link is up, and its arrival. */
static inline void say_hello(struct side *dialler, uint64_t conn, struct side *acceptor)
{
    size_t before = acceptor->frames;

    UNTIL(dialler, acceptor, send_text(dialler, conn, "hello") == 0);
    UNTIL(dialler, acceptor, acceptor->frames > before);
}

static inline int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

#endif
