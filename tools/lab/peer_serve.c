/* SPDX-License-Identifier: MPL-2.0 */
/* serve: counts the effect in the transaction of the reply, and answers with the count. Nobody
 * tells a handler that its transaction was committed, so that the end is for ask to find out. */

#include "peer_send.h"

#include <signal.h>

enum chances { CHANCE_NACK = 1, CHANCE_REJECT, CHANCE_CRASH };

static uint32_t answer(void *context, godwit_call_t *call)
{
    const struct peer_options *options = context;
    const struct peer_range range = {.first = godwit_call_id(call), .count = 1};
    unsigned char bytes[PEER_ANSWER_SIZE];
    uint32_t attempt = godwit_call_attempt(call);
    struct peer_say say = {0};
    uint64_t count = 1;

    peer_say(&say, "began %s %u", peer_range_text(&range), attempt);
    peer_say_all(&say);
    peer_pause_us(options->slow_ms * 1000);
    if (peer_chance(options, options->crash, range.first, attempt, CHANCE_CRASH))
        raise(SIGKILL);
    if (peer_chance(options, options->reject, range.first, 0, CHANCE_REJECT)) {
        godwit_call_fail(call, "lab-peer --reject");
        return 1;
    }
    if (peer_chance(options, options->nack, range.first, attempt, CHANCE_NACK))
        return GODWIT_CALL_RETRY;

    bool tenth = range.first.sequence % 10 == 3;
    if (!(options->breaks == PEER_LOSES && tenth) &&
        peer_effect_raise(godwit_call_txn(call), range.first,
                          options->breaks == PEER_REPEATS && tenth ? 2 : 1, &count))
        return GODWIT_CALL_RETRY;
    peer_effect_key(range.first, bytes);
    peer_put_number(bytes + PEER_EFFECT_KEY, count);
    return godwit_call_reply(call, bytes, sizeof bytes) ? GODWIT_CALL_RETRY : 0;
}

int peer_serve(const struct peer_options *options)
{
    godwit_service_options_t how = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_service_t *service = NULL;
    godwit_peer_t *peer = NULL;

    how.threads = (uint32_t)options->threads;
    how.credit_messages = (uint32_t)options->credit;
    if (!peer_open(options, false, &peer))
        return PEER_FAILED;
    bool good = peer_good(godwit_service_open(peer, options->service, answer, (void *)options,
                                              &how, &service),
                          "service") &&
                peer_meet(options, peer);
    while (good && !peer_stopped) {
        peer_pause_us(500000);
        good = !peer_unheard();
    }
    godwit_service_close(&service);
    good = peer_good(godwit_peer_close(&peer), "close") && good;
    return good ? PEER_OK : PEER_FAILED;
}
