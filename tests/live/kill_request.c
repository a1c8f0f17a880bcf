/* SPDX-License-Identifier: MPL-2.0 */

/* A client and two servers of one name. A request is a number; the handler raises the number's
 * count and draws a mark, keeps both in its store, and answers with them. So a second run of a
 * handler that had its effect shows as a count of 2, and an answer that is not the one stored with
 * the effect shows as a wrong mark. Every fourth request has no effect but its answer, and is not
 * waited for (godwit_txn_commit_async): an answer that left before it was stored would be followed,
 * after a kill, by another with another mark.
 *
 * The client writes accepted numbers to one ledger and the answers to another, and only then is
 * done with the reply: an answer that it wrote down just before it was killed may come again, the
 * same. What it had asked for before it was killed, it collects after its restart. In every second
 * life it lets replies pile up before it collects any: these are put aside into its store. */

#include "kill.h"

#include <unistd.h>

#define SERVICE "count"
#define WINDOW 512        /* requests under way */
#define LARGE (16 * 1024) /* bytes of every third one and of its reply: more than stays in hand */

enum { CLIENT, SERVER_A, SERVER_B };

struct answer {
    uint64_t number;
    uint64_t count;
    uint64_t mark;
};

/* --- a server --- */

static size_t size_of(uint64_t number)
{
    return number % 3 == 0 ? LARGE : sizeof(struct answer);
}

static bool is_plain(uint64_t number)
{
    return number % 4 == 2;
}

static uint32_t answer(void *context, godwit_call_t *call)
{
    static _Thread_local uint64_t drawn;
    char bytes[LARGE] = {0};
    struct answer answer = {0};

    (void)context;
    if (godwit_call_size(call) < sizeof answer.number)
        return 1;
    memcpy(&answer.number, godwit_call_data(call), sizeof answer.number);
    uint64_t mark = ((uint64_t)getpid() << 40) + ((uint64_t)(uintptr_t)&drawn << 16) + ++drawn;
    struct kill_effect effect = {1, mark};
    if (!is_plain(answer.number))
        effect = kill_raise(godwit_call_txn(call), answer.number, mark);
    answer.count = effect.count;
    answer.mark = effect.mark;
    memcpy(bytes, &answer, sizeof answer);
    return godwit_call_reply(call, bytes, size_of(answer.number)) ? GODWIT_CALL_RETRY : 0;
}

static void serve(const char *name, const char *directory, const char *own, const char *client)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_peer_t *peer = kill_peer(name, directory);
    godwit_service_t *service;

    options.threads = 3;
    options.credit_messages = 64; /* so that both get some */
    kill_must(godwit_service_open(peer, SERVICE, answer, NULL, &options, &service), "service");
    kill_meet(peer, own, client);
    while (!kill_stopping)
        kill_pause_ms(10);
    kill_must(godwit_service_close(&service), "service_close");
    kill_must(godwit_peer_close(&peer), "close");
}

/* --- the client --- */

/* Writes down what came within the time. False: nothing did. */
static bool collect(godwit_peer_t *peer, int answers, int timeout_ms)
{
    godwit_reply_t *reply;
    struct answer answer;
    godwit_err_t error = godwit_reply_next(peer, timeout_ms, &reply);

    if (error == GODWIT_ETIMEDOUT)
        return false;
    kill_must(error, "reply_next");
    if (godwit_reply_code(reply) != 0 || godwit_reply_size(reply) < sizeof answer)
        kill_die("an answer that is none: %u %s", (unsigned)godwit_reply_code(reply),
                 godwit_reply_text(reply));
    memcpy(&answer, godwit_reply_data(reply), sizeof answer);
    if (godwit_reply_size(reply) != size_of(answer.number))
        kill_die("an answer of %zu bytes to %" PRIu64, godwit_reply_size(reply), answer.number);
    kill_append(answers, &answer.number, sizeof answer / sizeof(uint64_t));
    godwit_reply_done(&reply);
    return true;
}

static void send_group(godwit_peer_t *peer, const uint64_t *group, size_t count, int ledger)
{
    char bytes[LARGE] = {0};
    godwit_message_t *message;
    godwit_id_t id;

    for (size_t i = 0; i < count; i++) {
        memcpy(bytes, &group[i], sizeof group[i]);
        kill_must(godwit_message_new(bytes, size_of(group[i]), &message), "message");
        kill_must(godwit_request_send(peer, SERVICE, &message, &id), "request_send");
    }
    kill_must(godwit_wait(peer, id, GODWIT_STORED, KILL_DRAIN_MS), "wait");
    kill_append(ledger, group, count);
}

static void ask(const char *directory, char *const *endpoints)
{
    godwit_peer_t *peer = kill_peer("client", directory);
    struct kill_numbers numbers;
    uint64_t group[KILL_GROUP_MAX], under_way = 0;
    int ledger = kill_file(directory, "ledger"), answers = kill_file(directory, "answers");
    bool lazy = getpid() % 2 != 0;

    kill_numbers_begin(&numbers, directory);
    kill_meet(peer, endpoints[CLIENT], endpoints[SERVER_A]);
    kill_meet(peer, NULL, endpoints[SERVER_B]);
    do {
        size_t count = 1 + (size_t)(numbers.next % KILL_GROUP_MAX);

        if (under_way < WINDOW) {
            kill_numbers_group(&numbers, group, count);
            send_group(peer, group, count, ledger);
            under_way += count;
        }
        while ((!lazy || under_way >= WINDOW) &&
               collect(peer, answers, under_way < WINDOW ? 0 : 20))
            under_way -= under_way > 0;
    } while (!kill_stopping);
    kill_must(godwit_peer_drain(peer, GODWIT_SETTLED, KILL_DRAIN_MS), "drain");
    while (collect(peer, answers, 3000)) /* the replies follow their decisions closely */
        continue;
    kill_must(godwit_peer_close(&peer), "close");
}

static void run(size_t role, const char *directory, char *const *endpoints)
{
    if (role == CLIENT)
        ask(directory, endpoints);
    else
        serve(kill_request.roles[role], directory, endpoints[role], endpoints[CLIENT]);
}

/* --- the verdict --- */

/* answered[number]: whether an answer was written down; that is the effect of a plain one. */
static void read_answers(const char *directory, struct kill_effect *effects, uint64_t limit,
                         unsigned char *answered, struct kill_verdict *verdict)
{
    int answers = kill_file(directory, "answers");
    struct answer answer;

    lseek(answers, 0, SEEK_SET);
    while (read(answers, &answer, sizeof answer) == sizeof answer) {
        if (answer.number > limit)
            kill_die("an answer to number %" PRIu64 ", which was never sent", answer.number);
        if (is_plain(answer.number) && !answered[answer.number])
            effects[answer.number] = (struct kill_effect){answer.count, answer.mark};
        answered[answer.number] = 1;
        if (answer.count == effects[answer.number].count &&
            answer.mark == effects[answer.number].mark)
            continue;
        fprintf(stderr, "two answers: %" PRIu64 "\n", answer.number);
        verdict->repeated++;
    }
    close(answers);
}

static void judge(const char *directory, struct kill_verdict *verdict)
{
    int ledger = kill_file(directory, "ledger"), reserved = kill_file(directory, "reserved");
    uint64_t limit = kill_last(reserved), number;
    struct kill_effect *effects = calloc(limit + 1, sizeof *effects);
    unsigned char *answered = calloc(limit + 1, 1);

    if (!effects || !answered)
        kill_die("out of memory");
    kill_effects(directory, "server-a", effects, limit, verdict);
    kill_effects(directory, "server-b", effects, limit, verdict);
    kill_count_dead(directory, "client", verdict);
    kill_count_dead(directory, "server-a", verdict);
    kill_count_dead(directory, "server-b", verdict);
    read_answers(directory, effects, limit, answered, verdict);
    lseek(ledger, 0, SEEK_SET);
    while (read(ledger, &number, sizeof number) == sizeof number) {
        verdict->accepted++;
        if (effects[number].count == 1 && answered[number])
            continue;
        verdict->lost += effects[number].count == 0 || !answered[number];
        fprintf(stderr, "%" PRIu64 ": effects %" PRIu64 ", %s\n", number, effects[number].count,
                answered[number] ? "answered" : "not answered");
    }
    free(effects);
    free(answered);
    close(ledger);
    close(reserved);
}

const struct kill_pattern kill_request = {
    .name = "request",
    .roles = {"client", "server-a", "server-b"},
    .run = run,
    .judge = judge,
};
