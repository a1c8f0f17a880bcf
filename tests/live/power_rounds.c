/* SPDX-License-Identifier: MPL-2.0 */

/* Real processes of a pattern, cut off from power at random moments, round after round: killed,
 * and their disks set to a state that a power cut may leave of what they had written
 * (tools/lab/disk.h).
 *
 *     live_power_rounds [CUTS [SEED [pipeline|request [fsync|os|lies]]]]
 *
 * prints cuts, what they took, accepted, lost, repeated, dead letters. With `fsync` 0 says that it
 * holds: every accepted message had its effect exactly once. With `os`, which promises nothing for
 * a power cut, and with `lies`, where each sync says that it was done and does nothing, 0 says that
 * a loss was *seen*, or a store refused: the same test can fail. Of a pattern's processes any may
 * be killed; two of three of those lose their power, so that what a kill leaves is met by a later
 * cut as well. */

#include "kill_play.h"

#include "disk.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUN_MS_MAX 150
#define PADDING 12000 /* bytes: some hundred messages make LevelDB go on to a new log */
#define CUT_OF_THREE 2

struct machine {
    struct lab_disk *disk;
    bool started; /* once */
};

struct power {
    struct kill_play play;
    struct machine machines[KILL_ROLES_MAX];
    uint64_t cuts, lost_bytes, lost_files;
    bool lies;
};

/* --- disks --- */

static void give_disks(struct power *power)
{
    for (size_t i = 0; i < power->play.count; i++) {
        struct machine *machine = &power->machines[i];
        char path[256], why[300];

        snprintf(path, sizeof path, "%s/%s", power->play.directory, power->play.pattern->roles[i]);
        machine->disk = lab_disk_new(path, 0, true, why, sizeof why);
        if (!machine->disk)
            kill_die("%s", why);
        if (power->lies)
            lab_disk_act(machine->disk, &(struct lab_order){.verb = LAB_lie_syncs});
        power->play.children[i].environment = lab_disk_environment(machine->disk);
    }
}

static void take_disks(struct power *power)
{
    for (size_t i = 0; i < power->play.count; i++)
        lab_disk_free(&power->machines[i].disk, false);
}

static void cut_power(struct power *power, size_t role)
{
    uint64_t bytes = 0, files = 0, seed = kill_random_below(UINT32_MAX);

    if (lab_disk_power_cut(power->machines[role].disk, seed, &bytes, &files) != 0)
        kill_die("the power cut cannot be carried out: %s", strerror(errno));
    power->cuts++;
    power->lost_bytes += bytes;
    power->lost_files += files;
}

/* --- rounds --- */

static void start_missing(struct power *power)
{
    for (size_t i = 0; i < power->play.count; i++) {
        if (power->play.children[i].pid)
            continue;
        if (lab_disk_ready(power->machines[i].disk) != 0)
            kill_die("the journal cannot be cut down: %s", strerror(errno));
        kill_start(&power->play, &power->play.children[i]);
    }
}

static bool one_round(struct power *power)
{
    uint64_t victims = 1 + kill_random_below((UINT64_C(1) << power->play.count) - 1);
    bool good = true;

    start_missing(power);
    kill_pause_ms(kill_random_below(RUN_MS_MAX));
    for (size_t i = 0; i < power->play.count; i++)
        if (victims >> i & 1)
            good = kill_now(&power->play.children[i]) && good;
    for (size_t i = 0; i < power->play.count; i++)
        if (victims >> i & 1 && kill_random_below(3) < CUT_OF_THREE)
            cut_power(power, i);
    return good;
}

static bool run_rounds(struct power *power, uint64_t cuts)
{
    bool good = true;

    while (power->cuts < cuts && good)
        good = one_round(power);
    start_missing(power);
    kill_pause_ms(300);
    for (size_t i = 0; i < power->play.count; i++)
        good = kill_end_well(&power->play.children[i]) && good;
    return good;
}

static void say(const struct power *power, const struct kill_verdict *verdict)
{
    printf("%s: power cuts %" PRIu64 " (%" PRIu64 " bytes and %" PRIu64 " files not synced and "
           "gone), accepted %" PRIu64 ", processed %" PRIu64 ", lost %" PRIu64 ", repeated %" PRIu64
           ", dead letters %" PRIu64 "\n",
           power->play.pattern->name, power->cuts, power->lost_bytes, power->lost_files,
           verdict->accepted, verdict->processed, verdict->lost, verdict->repeated, verdict->dead);
}

static bool holds(const struct kill_pattern *pattern, uint64_t cuts)
{
    struct kill_verdict verdict = {0};
    struct power power = {0};

    kill_set_up(&power.play, pattern);
    give_disks(&power);
    bool good = run_rounds(&power, cuts);
    take_disks(&power);
    if (!good)
        printf("a process ended by itself, or not when it was asked to: see %s\n",
               power.play.directory);
    pattern->judge(power.play.directory, &verdict);
    say(&power, &verdict);
    good = good && verdict.accepted > 0 && power.lost_bytes > 0 &&
           verdict.lost + verdict.repeated + verdict.dead == 0;
    if (good)
        kill_clean_up(&power.play);
    return good;
}

/* Judged by a process of its own: it ends at a store that is refused. */
static bool is_lost(const struct power *power)
{
    int status;

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct kill_verdict verdict = {0};
        power->play.pattern->judge(power->play.directory, &verdict);
        say(power, &verdict);
        fflush(stdout);
        _exit(verdict.lost > 0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

/* One cut of everything at a time, until something that was accepted is gone. */
static bool loses(const struct kill_pattern *pattern, uint64_t cuts, bool lies)
{
    for (uint64_t i = 0; i < cuts; i++) {
        struct power power = {.lies = lies};

        kill_set_up(&power.play, pattern);
        give_disks(&power);
        start_missing(&power);
        kill_pause_ms(300 + kill_random_below(300));
        for (size_t role = 0; role < power.play.count; role++)
            kill_now(&power.play.children[role]);
        for (size_t role = 0; role < power.play.count; role++)
            cut_power(&power, role);
        take_disks(&power);
        bool lost = is_lost(&power);
        kill_clean_up(&power.play);
        if (lost)
            return true;
    }
    printf("nothing was lost: a test of power cuts that cannot fail\n");
    return false;
}

int main(int count, char **arguments)
{
    char why[300];

    if (kill_is_child(count, arguments))
        return 0;
    if (lab_disk_lacks(false, true, why, sizeof why)) {
        printf("skipped: %s\n", why);
        return 77;
    }
    uint64_t cuts = count > 1 ? strtoull(arguments[1], NULL, 10) : 200;
    uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
    const struct kill_pattern *pattern = kill_find_pattern(count > 3 ? arguments[3] : "pipeline");
    const char *how = count > 4 ? arguments[4] : "fsync";

    bool os = strcmp(how, "os") == 0, fsync = strcmp(how, "fsync") == 0;
    bool lies = strcmp(how, "lies") == 0;
    if (!pattern || !(os || fsync || lies))
        kill_die("usage: live_power_rounds [CUTS [SEED [pipeline|request [fsync|os|lies]]]]");
    printf("%s: seed %" PRIu64 "\n", pattern->name, seed);
    kill_random_state = seed;
    kill_padding = PADDING;
    kill_durability = os ? GODWIT_DURABILITY_OS : GODWIT_DURABILITY_FSYNC;
    return (fsync ? holds(pattern, cuts) : loses(pattern, cuts, lies)) ? 0 : 1;
}
