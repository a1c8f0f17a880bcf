/* SPDX-License-Identifier: MPL-2.0 */
/* One scenario: run, checked, shown; and the list of the ready ones. */

#include "perform.h"

#include "guard.h"
#include "library.h"
#include "report.h"
#include "scratch.h"
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lab_perform_complain(const char *path, const struct lab_mistake *mistake)
{
    if (mistake->line > 0)
        fprintf(stderr, "%s:%d: %s\n", path, mistake->line, mistake->what);
    else
        fprintf(stderr, "%s: %s\n", path, mistake->what);
    if (mistake->mend[0])
        fprintf(stderr, "mend: %s\n", mistake->mend);
}

/* NULL after a sentence. */
static struct lab_scenario *read_scenario(const char *word, char path[PATH_MAX])
{
    struct lab_mistake mistake;

    if (!lab_library_find(word, path))
        return NULL;
    struct lab_scenario *scenario = lab_scenario_read(path, &mistake);
    if (!scenario)
        lab_perform_complain(path, &mistake);
    return scenario;
}

/* --- run --- */

struct performance {
    const struct lab_request *request;
    const struct lab_scenario *scenario;
    char directory[PATH_MAX]; /* for the run's files, and made by it */
    FILE *report, *json;
};

static FILE *open_output(const char *option, const char *path, bool *good)
{
    if (!path)
        return NULL;
    if (strcmp(path, "-") == 0)
        return stdout;
    FILE *file = fopen(path, "we");
    if (!file) {
        fprintf(stderr, "godwit lab: %s %s: %s\nmend: name a file that can be written\n", option,
                path, strerror(errno));
        *good = false;
    }
    return file;
}

/* Writes it all, or says what went wrong. */
static bool write_output(FILE *out, int (*write)(const struct lab_scenario *,
                                                 const struct lab_result *, FILE *),
                         const struct lab_scenario *scenario, const struct lab_result *result)
{
    if (!out)
        return true;
    bool good = write(scenario, result, out) == 0 && fflush(out) == 0;
    if (!good)
        fprintf(stderr, "godwit lab: the report cannot be written: %s\n", strerror(errno));
    if (out != stdout)
        fclose(out);
    return good;
}

static int play(void *context)
{
    struct performance *performance = context;
    const struct lab_request *request = performance->request;
    struct lab_run_options options = {.seed = request->seed ? request->seed
                                                            : lab_seed(performance->scenario),
                                      .directory = performance->directory,
                                      .keep = request->keep != NULL};
    struct lab_terminal terminal;
    struct lab_result result;
    char again[PATH_MAX + 32];

    snprintf(again, sizeof again, "godwit lab run %s", request->word);
    lab_terminal_begin(&terminal, performance->scenario,
                       performance->json == stdout ? stderr : stdout);
    if (!request->quiet) {
        lab_terminal_title(&terminal, options.seed);
        options.shown = lab_terminal_event;
        options.context = &terminal;
    }
    lab_run(performance->scenario, &options, &result);
    if (performance->json != stdout || result.end != LAB_PASSED)
        lab_terminal_verdict(&terminal, &result, again);
    bool written =
        write_output(performance->report, lab_report_html, performance->scenario, &result) &&
        write_output(performance->json, lab_report_json, performance->scenario, &result);
    int status = written ? lab_end_status(result.end) : LAB_USAGE;
    lab_result_clear(&result);
    return status;
}

/* The guard's parent removes the directory, should the run be killed. */
static int play_guarded(struct performance *performance)
{
    const struct lab_request *request = performance->request;
    char scratch[PATH_MAX] = "";

    if (request->keep) {
        if (!scratch_take(request->keep))
            return LAB_USAGE;
        snprintf(performance->directory, sizeof performance->directory, "%s", request->keep);
        return guard_run(play, performance, NULL);
    }
    if (!scratch_make(scratch))
        return LAB_USAGE;
    snprintf(performance->directory, sizeof performance->directory, "%.*s/run", PATH_MAX - 8,
             scratch);
    return guard_run(play, performance, scratch);
}

int lab_perform_run(const struct lab_request *request)
{
    struct performance performance = {.request = request};
    char path[PATH_MAX];
    struct lab_scenario *scenario = read_scenario(request->word, path);
    bool good = scenario != NULL;

    performance.scenario = scenario;
    if (good)
        performance.report = open_output("--report", request->report, &good);
    if (good)
        performance.json = open_output("--json", request->json, &good);
    int status = good ? play_guarded(&performance) : LAB_USAGE;
    lab_scenario_free(&scenario);
    return status;
}

/* --- the others --- */

int lab_perform_check(const struct lab_request *request)
{
    char path[PATH_MAX], why[300];
    struct lab_scenario *scenario = read_scenario(request->word, path);

    if (!scenario)
        return LAB_USAGE;
    printf("%s: %zu processes, %zu links, %zu actions, %zu random orders\n", path,
           scenario->process_count, scenario->link_count, scenario->action_count,
           scenario->random.count);
    for (size_t i = 0; i < scenario->link_count; i++)
        printf("  link %s\n", scenario->links[i].name);
    if (lab_scenario_needs(scenario, why, sizeof why))
        printf("cannot run here: %s\n", why);
    lab_scenario_free(&scenario);
    return 0;
}

int lab_perform_show(const struct lab_request *request)
{
    char path[PATH_MAX];
    struct lab_scenario *scenario = read_scenario(request->word, path);

    if (!scenario)
        return LAB_USAGE;
    fputs(scenario->text, stdout);
    lab_scenario_free(&scenario);
    return 0;
}

static void list_one(const char *name, const struct lab_scenario *scenario)
{
    char why[300];

    printf("%-20s %s\n", name, scenario->about ? scenario->about : "");
    if (scenario->covers[0]) {
        printf("%-20s covers", "");
        for (size_t i = 0; scenario->covers[i]; i++)
            printf(" %s", scenario->covers[i]);
        printf("%s\n", scenario->smoke ? "; smoke" : "");
    }
    if (lab_scenario_needs(scenario, why, sizeof why))
        printf("%-20s cannot run here: %s\n", "", why);
}

int lab_perform_list(void)
{
    struct lab_library library;
    int status = 0;

    if (!lab_library_open(&library))
        return LAB_USAGE;
    for (size_t i = 0; i < library.count; i++) {
        char path[PATH_MAX];
        struct lab_mistake mistake;
        struct lab_scenario *scenario = lab_library_path(&library, library.names[i], path)
                                            ? lab_scenario_read(path, &mistake)
                                            : NULL;
        if (scenario) {
            list_one(library.names[i], scenario);
        } else {
            lab_perform_complain(path, &mistake);
            status = LAB_USAGE;
        }
        lab_scenario_free(&scenario);
    }
    lab_library_close(&library);
    return status;
}
