/* SPDX-License-Identifier: MPL-2.0 */
// A user's program in C++17, as such a user writes it, built outside the tree against what was
// installed. consumer.c is its twin and prints the same.

#include <godwit.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

void check(godwit_err_t error)
{
    if (error != GODWIT_OK)
        throw std::runtime_error(std::string(godwit_error_name(error)) + ": " +
                                 godwit_last_error());
}

struct closer {
    void operator()(godwit_peer_t *peer) const { godwit_peer_close(&peer); }
    void operator()(godwit_stage_t *stage) const { godwit_stage_close(&stage); }
    void operator()(godwit_service_t *service) const { godwit_service_close(&service); }
    void operator()(godwit_delivery_t *delivery) const { godwit_delivery_drop(&delivery); }
    void operator()(godwit_txn_t *txn) const { godwit_txn_abort(&txn); }
    void operator()(godwit_dead_t *dead) const { godwit_dead_free(&dead); }
    void operator()(godwit_reply_t *reply) const { godwit_reply_done(&reply); }
};
template <typename type> using owned = std::unique_ptr<type, closer>;

// Calls f(arguments..., &result), the form of everything that makes an object.
template <typename type, typename function, typename... rest>
owned<type> make(function *f, rest... arguments)
{
    type *made = nullptr;
    check(f(arguments..., &made));
    return owned<type>(made);
}

std::string_view text_of(const godwit_delivery_t *delivery)
{
    return {static_cast<const char *>(godwit_delivery_data(delivery)),
            godwit_delivery_size(delivery)};
}

owned<godwit_peer_t> open_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    options.name = name;
    options.directory = directory;
    return make<godwit_peer_t>(godwit_peer_open, &options);
}

void transaction(godwit_peer_t *sender, godwit_peer_t *worker, godwit_stage_t *stage)
{
    check(godwit_push_data(sender, "jobs", "count me", 8, nullptr));
    auto delivery = make<godwit_delivery_t>(godwit_stage_next, stage, -1);
    auto txn = make<godwit_txn_t>(godwit_txn_begin, worker);
    auto text = text_of(delivery.get());
    check(godwit_txn_put(txn.get(), "seen", "last", 4, text.data(), text.size()));
    check(godwit_txn_ack(txn.get(), delivery.get()));
    godwit_txn_t *committing = txn.release();
    check(godwit_txn_commit(&committing));
    static_cast<void>(delivery.release()); // the commit freed it
    void *value = nullptr;
    size_t size = 0;
    check(godwit_get(worker, "seen", "last", 4, &value, &size));
    std::printf("processed: %.*s\n", static_cast<int>(size), static_cast<const char *>(value));
    godwit_free(value);
    check(godwit_peer_drain(sender, GODWIT_SETTLED, -1));
}

void dead_letter(godwit_peer_t *sender, godwit_stage_t *stage)
{
    godwit_id_t id{};
    check(godwit_push_data(sender, "jobs", "nonsense", 8, &id));
    godwit_delivery_t *delivery = make<godwit_delivery_t>(godwit_stage_next, stage, -1).release();
    check(godwit_reject(&delivery, 22, "not a job"));
    if (godwit_wait(sender, id, GODWIT_SETTLED, -1) != GODWIT_EDEAD)
        throw std::runtime_error("it is not dead");
    auto dead = make<godwit_dead_t>(godwit_dead_get, sender, id);
    std::printf("dead: %.*s, code %u, %s\n", static_cast<int>(dead->size),
                static_cast<const char *>(dead->data), dead->code, dead->text);
    check(godwit_dead_purge(sender, id));
}

void request(godwit_peer_t *client, godwit_peer_t *server)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    options.threads = 2;
    std::string hello = "hello";
    auto greet = [](void *context, godwit_call_t *call) -> uint32_t {
        std::string text = *static_cast<std::string *>(context) + ", ";
        text.append(static_cast<const char *>(godwit_call_data(call)), godwit_call_size(call));
        return godwit_call_reply(call, text.data(), text.size()) ? GODWIT_CALL_RETRY : 0;
    };
    auto service = make<godwit_service_t>(godwit_service_open, server, "greet",
                                          static_cast<godwit_handler_fn>(greet), &hello, &options);
    godwit_message_t *message = nullptr;
    godwit_reply_t *answer = nullptr;
    check(godwit_message_new("world", 5, &message));
    check(godwit_request(client, "greet", &message, -1, &answer, nullptr));
    owned<godwit_reply_t> reply(answer);
    std::printf("reply: %.*s\n", static_cast<int>(godwit_reply_size(answer)),
                static_cast<const char *>(godwit_reply_data(answer)));
}

void run(const char *directory)
{
    char endpoint[256];
    godwit_stage_options_t options = GODWIT_STAGE_OPTIONS_INIT;
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    auto sender = open_peer("sender", directory), worker = open_peer("worker", nullptr);
    options.credit_messages = 10;
    policy.max_attempts = 2;
    check(godwit_destination_set(sender.get(), "stage:jobs", &policy));
    check(godwit_peer_bind(sender.get(), "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(sender.get(), endpoint, sizeof endpoint));
    check(godwit_peer_connect(worker.get(), endpoint));
    auto stage = make<godwit_stage_t>(godwit_stage_open, worker.get(), "jobs", &options);
    transaction(sender.get(), worker.get(), stage.get());
    dead_letter(sender.get(), stage.get());
    request(sender.get(), worker.get());
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2 || std::string_view(GODWIT_VERSION_STRING) != godwit_version())
        return 1;
    std::printf("version %s\n", godwit_version());
    try {
        run(argv[1]);
    } catch (const std::exception &problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
}
