/* SPDX-License-Identifier: MPL-2.0 */

/* A worker adds numbers up in its own store: the new total, and the word that a number is done, are
 * one transaction. However it dies, here by SIGKILL just before a commit, no number is missing from
 * the total and none is in it twice. */

#include <godwit.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/godwit-example-XXXXXX"; /* where both peers have their stores */

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

    options.name = options.directory = name;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

static void sender(int unused)
{
    godwit_peer_t *peer = open_peer("sender");

    (void)unused;
    check(godwit_peer_bind(peer, "ipc://socket"));
    for (int number = 1; number <= 10; number++)
        check(godwit_push_data(peer, "add", &number, sizeof number, NULL));
    check(godwit_peer_drain(peer, GODWIT_SETTLED, -1));
    check(godwit_peer_close(&peer));
}

/* The committed total, and within a transaction its own. */
static int add(godwit_txn_t *txn, int number)
{
    int total = 0;
    void *value;
    size_t size;

    if (godwit_txn_get(txn, "sums", "total", 5, &value, &size) == GODWIT_OK) {
        memcpy(&total, value, sizeof total);
        godwit_free(value);
    }
    total += number;
    check(godwit_txn_put(txn, "sums", "total", 5, &total, sizeof total));
    return total;
}

static void worker(int fatal)
{
    godwit_peer_t *peer = open_peer("worker");
    godwit_stage_t *stage;
    godwit_delivery_t *delivery;
    godwit_txn_t *txn;
    int number;

    check(godwit_stage_open(peer, "add", NULL, &stage));
    check(godwit_peer_connect(peer, "ipc://socket"));
    while (godwit_stage_next(stage, -1, &delivery) == GODWIT_OK) {
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        check(godwit_txn_begin(peer, &txn));
        add(txn, number);
        check(godwit_txn_ack(txn, delivery));
        if (number == fatal)
            raise(SIGKILL); /* nothing of this transaction has happened */
        check(godwit_txn_commit(&txn)); /* now both have, on the disk */
    }
}

static pid_t start(void (*process)(int), int argument)
{
    pid_t child = fork(); /* before a peer is open here: peers do not cross a fork */

    if (child == 0) {
        process(argument);
        _exit(0);
    }
    return child;
}

int main(void)
{
    int status;
    godwit_txn_t *txn;

    if (!mkdtemp(scratch) || chdir(scratch) != 0)
        return 1;
    pid_t sending = start(sender, 0);
    waitpid(start(worker, 5), &status, 0);
    printf("the first worker was %s\n", WIFSIGNALED(status) ? "killed" : "not killed");
    pid_t working = start(worker, 0); /* the same name and store: it goes on where that one was */
    waitpid(sending, &status, 0);
    printf("the sender knows that all was done: %s\n", status == 0 ? "yes" : "no");
    kill(working, SIGKILL);
    waitpid(working, NULL, 0);

    godwit_peer_t *peer = open_peer("worker"); /* to look into its store */
    check(godwit_txn_begin(peer, &txn));
    printf("the sum of 1 to 10 is %d\n", add(txn, 0));
    godwit_txn_abort(&txn);
    check(godwit_peer_close(&peer));
    char command[sizeof scratch + 8];
    snprintf(command, sizeof command, "rm -r %s", scratch);
    return system(command);
}

/* Prints:
 *   the first worker was killed
 *   the sender knows that all was done: yes
 *   the sum of 1 to 10 is 55
 */
