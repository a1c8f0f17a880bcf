/* SPDX-License-Identifier: MPL-2.0 */

/* dead_peer DIRECTORY COUNT [stay|mute]: the peer "walker" whose messages are all refused: COUNT
 * dead letters, their ids on its standard output. `stay`: goes on running, with its worker away,
 * until its standard input ends; `mute`: the same without a control socket. */

#include <godwit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000

static void must(godwit_err_t error)
{
    if (!error)
        return;
    fprintf(stderr, "dead_peer: %s: %s\n", godwit_error_name(error), godwit_last_error());
    exit(1);
}

static void send_one(godwit_peer_t *walker, godwit_id_t *id)
{
    char text[GODWIT_ID_TEXT_SIZE];
    godwit_message_t *message;

    must(godwit_message_new("a \"blue\" horse\n", 15, &message));
    must(godwit_message_set_header(message, "colour", "blue", 4));
    must(godwit_send(walker, "stage:paint", &message, id));
    godwit_id_format(*id, text);
    printf("%s\n", text);
}

static void refuse_all(godwit_peer_t *walker, godwit_stage_t *stage, long count)
{
    for (long i = 0; i < count; i++) {
        godwit_delivery_t *delivery;
        godwit_id_t id;

        send_one(walker, &id);
        must(godwit_stage_next(stage, TIMEOUT_MS, &delivery));
        must(godwit_reject(&delivery, 7, "no \"such\" colour\\paint"));
        if (godwit_wait(walker, id, GODWIT_SETTLED, TIMEOUT_MS) != GODWIT_EDEAD) {
            fprintf(stderr, "dead_peer: not dead: %s\n", godwit_last_error());
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *walker, *worker;
    godwit_stage_t *stage;
    char endpoint[256];
    const char *then = argc > 3 ? argv[3] : "";

    if (argc < 3)
        return 2;
    options.name = "walker";
    options.directory = argv[1];
    options.no_control = strcmp(then, "mute") == 0;
    must(godwit_peer_open(&options, &walker));
    options.name = "worker";
    options.directory = NULL;
    must(godwit_peer_open(&options, &worker));
    must(godwit_peer_bind(worker, "tcp://127.0.0.1:*"));
    must(godwit_peer_endpoint(worker, endpoint, sizeof endpoint));
    must(godwit_stage_open(worker, "paint", NULL, &stage));
    must(godwit_peer_connect(walker, endpoint));
    refuse_all(walker, stage, atol(argv[2]));
    godwit_stage_close(&stage);
    must(godwit_peer_close(&worker));
    fflush(stdout);
    while (*then && getchar() != EOF)
        continue;
    must(godwit_peer_close(&walker));
    return 0;
}
