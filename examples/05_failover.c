/* SPDX-License-Identifier: MPL-2.0 */

/* What a worker had in hand when it vanished waits for it, so that nothing runs twice. A sender
 * that would rather not wait asks for failover: other workers get it after a while, flagged, since
 * the first may have done it without being able to say so. */

#include <godwit.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/godwit-example-XXXXXX";

static void check(godwit_err_t error)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", godwit_error_name(error), godwit_last_error());
        _exit(1);
    }
}

static godwit_peer_t *open_peer(const char *name)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    options.heartbeat_ms = 100; /* a peer silent for three is gone: quick, for the example */
    check(godwit_peer_open(&options, &peer));
    return peer;
}

static void work(const char *name, bool vanish)
{
    godwit_peer_t *peer = open_peer(name);
    godwit_stage_t *stage;

    check(godwit_stage_open(peer, "paint", NULL, &stage));
    check(godwit_peer_connect(peer, "ipc://socket"));
    for (int i = 0; i < 3; i++) {
        godwit_delivery_t *delivery;
        check(godwit_stage_next(stage, -1, &delivery));
        printf("%s has %.*s%s\n", name, (int)godwit_delivery_size(delivery),
               (const char *)godwit_delivery_data(delivery),
               godwit_delivery_maybe_duplicate(delivery) ? ", maybe a duplicate" : "");
        if (!vanish)
            check(godwit_ack(&delivery));
    }
    fflush(stdout);
    if (vanish)
        raise(SIGKILL);
    godwit_stage_close(&stage);
    check(godwit_peer_close(&peer));
}

int main(void)
{
    char command[sizeof scratch + 8];
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;

    if (!mkdtemp(scratch) || chdir(scratch) != 0)
        return 1;
    pid_t child = fork(); /* before a peer is open here: peers do not cross a fork */
    if (child == 0)
        work("anna", true);

    godwit_peer_t *sender = open_peer("sender");
    policy.member_lost = GODWIT_LOST_FAILOVER;
    policy.failover_ms = 300;
    check(godwit_destination_set(sender, "stage:paint", &policy));
    check(godwit_peer_bind(sender, "ipc://socket"));
    check(godwit_push_data(sender, "paint", "door", 4, NULL));
    check(godwit_push_data(sender, "paint", "roof", 4, NULL));
    check(godwit_push_data(sender, "paint", "wall", 4, NULL));

    waitpid(child, NULL, 0);
    work("bert", false);
    check(godwit_peer_drain(sender, GODWIT_SETTLED, -1));
    printf("all processed\n");
    check(godwit_peer_close(&sender));
    snprintf(command, sizeof command, "rm -r %s", scratch);
    return system(command);
}

/* Prints:
 *   anna has door
 *   anna has roof
 *   anna has wall
 *   bert has door, maybe a duplicate
 *   bert has roof, maybe a duplicate
 *   bert has wall, maybe a duplicate
 *   all processed
 */
