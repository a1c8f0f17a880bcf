/* SPDX-License-Identifier: MPL-2.0 */
/* RabbitMQ with librabbitmq. Persistent messages with publisher confirms, many unconfirmed at once;
 * a consumer with a prefetch count that acknowledges every 100 messages and at the end (multiple).
 * Variants: "classic" and "quorum" queues, both durable. */

#include "client.h"
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <string.h>

#define CHANNEL     1
#define UNCONFIRMED 2000 /* published and not confirmed */
#define PREFETCH    2000
#define ACK_EVERY   100
#define FRAME_MAX   131072
#define PERSISTENT  2

static void check(int status, const char *what)
{
    if (status != AMQP_STATUS_OK)
        die("rabbitmq: %s: %s", what, amqp_error_string2(status));
}

static void answered(amqp_connection_state_t rabbit, const char *what)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(rabbit);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        die("rabbitmq: %s: %s", what,
            reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION
                ? amqp_error_string2(reply.library_error)
                : "the server refuses");
}

static amqp_connection_state_t dial(const struct work *work)
{
    amqp_connection_state_t rabbit = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(rabbit);
    if (!socket)
        die("out of memory");
    check(amqp_socket_open(socket, work->host, work->port), "connect");
    amqp_rpc_reply_t reply =
        amqp_login(rabbit, "/", 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        die("rabbitmq: no login");
    amqp_channel_open(rabbit, CHANNEL);
    answered(rabbit, "channel");
    return rabbit;
}

static void hang_up(amqp_connection_state_t rabbit)
{
    amqp_connection_close(rabbit, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(rabbit);
}

void prepare(const struct work *work)
{
    amqp_connection_state_t rabbit = dial(work);
    amqp_bytes_t name = amqp_cstring_bytes(PEERS_NAME);
    amqp_table_entry_t type = {.key = amqp_cstring_bytes("x-queue-type")};
    type.value.kind = AMQP_FIELD_KIND_UTF8;
    type.value.value.bytes = amqp_cstring_bytes(work->variant);
    amqp_table_t arguments = {.num_entries = 1, .entries = &type};
    amqp_queue_delete(rabbit, CHANNEL, name, 0, 0);
    answered(rabbit, "delete");
    amqp_queue_declare(rabbit, CHANNEL, name, 0, 1, 0, 0, arguments);
    answered(rabbit, "queue");
    hang_up(rabbit);
}

void consume(const struct work *work)
{
    amqp_connection_state_t rabbit = dial(work);
    amqp_basic_qos(rabbit, CHANNEL, 0, PREFETCH, 0);
    answered(rabbit, "qos");
    amqp_basic_consume(rabbit, CHANNEL, amqp_cstring_bytes(PEERS_NAME), amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
    answered(rabbit, "consume");
    ready();
    for (uint64_t i = 1; i <= work->count; i++) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(rabbit);
        if (amqp_consume_message(rabbit, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL)
            die("rabbitmq: the consumer was cut off");
        check_message(envelope.message.body.bytes, envelope.message.body.len);
        if (i % ACK_EVERY == 0 || i == work->count)
            check(amqp_basic_ack(rabbit, CHANNEL, envelope.delivery_tag, 1), "ack");
        amqp_destroy_envelope(&envelope);
    }
    hang_up(rabbit); /* answered by the server after it took the last acknowledgement */
}

/* Waits for a confirm: the highest message it speaks of. Confirms of several messages at once and
 * of one may come out of order, so all are counted: `marks` has a bit for each unconfirmed one. */
static uint64_t confirms(amqp_connection_state_t rabbit, bool *marks, uint64_t *floor,
                         uint64_t confirmed)
{
    amqp_frame_t frame;
    check(amqp_simple_wait_frame(rabbit, &frame), "confirm");
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        die("rabbitmq: a message was not confirmed");
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    uint64_t first = ack->multiple ? *floor + 1 : ack->delivery_tag;
    for (uint64_t tag = first; tag <= ack->delivery_tag; tag++) {
        confirmed += !marks[tag % UNCONFIRMED];
        marks[tag % UNCONFIRMED] = true;
    }
    return confirmed;
}

void produce(const struct work *work)
{
    amqp_connection_state_t rabbit = dial(work);
    static bool marks[UNCONFIRMED]; /* of floor + 1 to floor + UNCONFIRMED */
    uint64_t floor = 0, confirmed = 0;
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
        .delivery_mode = PERSISTENT,
    };
    amqp_confirm_select(rabbit, CHANNEL);
    answered(rabbit, "confirm");
    begin();
    for (uint64_t sent = 0; confirmed < work->count;) {
        for (; sent < work->count && sent - floor < UNCONFIRMED; sent++) {
            amqp_bytes_t body = {.len = work->size, .bytes = (void *)message_at(sent)};
            check(amqp_basic_publish(rabbit, CHANNEL, amqp_empty_bytes,
                                     amqp_cstring_bytes(PEERS_NAME), 0, 0, &properties, body),
                  "publish");
        }
        amqp_maybe_release_buffers(rabbit);
        confirmed = confirms(rabbit, marks, &floor, confirmed);
        for (; floor < sent && marks[(floor + 1) % UNCONFIRMED]; floor++)
            marks[(floor + 1) % UNCONFIRMED] = false;
    }
    hang_up(rabbit);
}
