/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_ANSWER_H
#define GW_PEER_ANSWER_H

/* Questions about a peer, as text in and records out: the same for a running peer, which is asked
 * through its control socket, and for the store of a stopped one. docs/internals/control.md has the
 * questions and the records. */

#include "godwit/status.h"
#include "peer/json.h"
#include "peer/snapshot.h"

#define GW_ASK_LINE  4096 /* bytes of a request's line, its newline included */
#define GW_ASK_WORDS 40
#define GW_ASK_BODY  (17 << 20) /* of a send: one of the largest messages, or many */
#define GW_ASK_MANY  256  /* records of one answer's list, and messages of one send */

struct gw_ask {
    char line[GW_ASK_LINE]; /* cut into words */
    const char *words[GW_ASK_WORDS];
    size_t count;
    uint8_t *body; /* of a send; malloc'ed */
    size_t body_size;
};

/* Cuts the line (without its newline) into words. GODWIT_EINVAL: too many, none, or bytes that are
 * not printable. */
godwit_err_t gw_ask_parse(struct gw_ask *ask, const char *line, size_t size);
void gw_ask_clear(struct gw_ask *ask);
/* How many bytes follow the line: 0 but for a send. GODWIT_EINVAL beyond GW_ASK_BODY. */
godwit_err_t gw_ask_body(const struct gw_ask *ask, size_t *size);
bool gw_ask_is(const struct gw_ask *ask, const char *first, const char *second);
godwit_err_t gw_ask_id(const struct gw_ask *ask, size_t at, godwit_id_t *id);
/* The words after `at` as KEY=VALUE headers of the message; %XX is a byte. */
godwit_err_t gw_ask_headers(const struct gw_ask *ask, size_t at, godwit_message_t *message);
/* A whole number of decimal digits. False: it is none, or above `most`. */
bool gw_ask_number(const char *text, uint64_t most, uint64_t *value);
godwit_err_t gw_ask_unknown(const struct gw_ask *ask);

/* Tables of links, destinations, members, streams, windows: what `status` says after the record
 * of the peer itself. */
void gw_answer_survey(struct gw_buffer *out, const struct gw_survey *survey);
void gw_answer_dials(struct gw_buffer *out, const struct gw_snapshot *snapshot);
void gw_answer_cut(struct gw_buffer *out, const char *table, size_t shown, size_t total);

/* Where a message is: what is known of it as its sender and as its receiver, and from the store
 * why. GODWIT_ENOTFOUND: neither side knows it. */
godwit_err_t gw_answer_find(struct gw_buffer *out, struct gw_store *store, godwit_id_t id,
                            const godwit_status_t *sent, const struct gw_received *received);
/* Dead letters after `after`, and one with its message. */
godwit_err_t gw_answer_dead_list(struct gw_buffer *out, struct gw_store *store, godwit_id_t after);
godwit_err_t gw_answer_dead_show(struct gw_buffer *out, struct gw_store *store, godwit_id_t id);

/* The last line of every answer. */
void gw_answer_result(struct gw_buffer *out, godwit_err_t error, const char *sentence);

#endif
