/* SPDX-License-Identifier: MPL-2.0 */

/* Real processes of a pattern, killed with SIGKILL at random moments, round after round. In the end
 * every accepted message must have had its effect exactly once.
 *
 *     live_kill_rounds [ROUNDS [SEED [pipeline|request|outcomes|both [BYTES]]]]
 *
 * BYTES are those of a message of `pipeline`. Prints rounds, accepted, lost, repeated and dead
 * letters; 0: it holds. With `both` the first two have half of the rounds each. The ledgers are
 * files outside the code under test, see kill.h. */

#include "kill_play.h"

#include <time.h>

/* A process lives up to this long before it is killed: some must get as far as to send. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUN_MS_MAX 400
#else
#define RUN_MS_MAX 120
#endif
#define RUN_MS_MAX_LARGE 800

static void start_missing(struct kill_play *play)
{
    for (size_t c = 0; c < play->count; c++)
        if (!play->children[c].pid)
            kill_start(play, &play->children[c]);
}

static bool one_round(struct kill_play *play)
{
    uint64_t victims = 1 + kill_random_below((UINT64_C(1) << play->count) - 1); /* any but none */
    bool good = true;

    start_missing(play);
    kill_pause_ms(kill_random_below(kill_padding < KILL_PADDING_LARGE ? RUN_MS_MAX
                                                                     : RUN_MS_MAX_LARGE));
    for (size_t c = 0; c < play->count; c++) {
        if (!(victims >> c & 1))
            continue;
        good = kill_now(&play->children[c]) && good;
        if (victims & (victims - 1))
            kill_pause_ms(kill_random_below(5));
    }
    return good;
}

static bool run_rounds(struct kill_play *play, uint64_t rounds)
{
    bool good = true;

    for (uint64_t i = 0; i < rounds && good; i++)
        good = one_round(play);
    start_missing(play);
    kill_pause_ms(300);
    for (size_t c = 0; c < play->count; c++) /* the first one drains: the others are still there */
        good = kill_end_well(&play->children[c]) && good;
    return good;
}

static bool control(const struct kill_pattern *pattern, uint64_t rounds, uint64_t seed)
{
    struct kill_verdict verdict = {0};
    struct kill_play play;

    kill_random_state = seed;
    kill_set_up(&play, pattern);
    printf("%s: seed %" PRIu64 ", store %s\n", pattern->name, seed, play.directory);
    fflush(stdout);
    bool good = run_rounds(&play, rounds);
    pattern->judge(play.directory, &verdict);
    printf("%s: rounds %" PRIu64 ", accepted %" PRIu64 ", processed %" PRIu64 ", lost %" PRIu64
           ", repeated %" PRIu64 ", dead letters %" PRIu64 "\n",
           pattern->name, rounds, verdict.accepted, verdict.processed, verdict.lost,
           verdict.repeated, verdict.dead);
    if (!good)
        printf("a process ended by itself, or not when it was asked to\n");
    good = good && verdict.accepted > 0 && verdict.lost + verdict.repeated + verdict.dead == 0;
    if (good)
        kill_clean_up(&play);
    return good;
}

int main(int count, char **arguments)
{
    if (kill_is_child(count, arguments))
        return 0;
    uint64_t rounds = count > 1 ? strtoull(arguments[1], NULL, 10) : 200;
    uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
    const char *what = count > 3 ? arguments[3] : "both";
    const struct kill_pattern *only = kill_find_pattern(what);
    uint64_t bytes = count > 4 ? strtoull(arguments[4], NULL, 10) : sizeof(uint64_t);

    if (bytes < sizeof(uint64_t) || bytes - sizeof(uint64_t) > KILL_PADDING_MAX)
        kill_die("a message has 8 bytes to 16 MiB");
    kill_padding = bytes - sizeof(uint64_t);

    if (only)
        return control(only, rounds, seed) ? 0 : 1;
    if (strcmp(what, "both") != 0)
        kill_die("usage: live_kill_rounds "
                 "[ROUNDS [SEED [pipeline|request|outcomes|both [BYTES]]]]");
    bool good = control(&kill_pipeline, rounds - rounds / 2, seed);
    return control(&kill_request, rounds / 2, seed) && good ? 0 : 1;
}
