/* SPDX-License-Identifier: MPL-2.0 */
/* godwit lab: the command line. */

#include "perform.h"
#include "words.h"

#include "common/suggest.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTES_MAX (30 * 24 * 60)

static const char help[] =
    "usage: godwit lab run FILE|NAME [--seed N] [--keep DIR] [--report FILE.html] [--json FILE]\n"
    "                  [--quiet]\n"
    "       godwit lab check FILE|NAME\n"
    "       godwit lab list\n"
    "       godwit lab show NAME\n"
    "       godwit lab all [--smoke] [--seed N]\n"
    "       godwit lab soak [--minutes N] [--seed N] [NAME ...]\n"
    "\n"
    "Runs the processes that a scenario names, does to them, their connections and their disks\n"
    "what it says, and judges by what they said whether anything was lost, repeated, reordered or\n"
    "stuck. A scenario is a file of your own or a ready one; docs/lab.md says how to write one.\n"
    "\n"
    "  run    one scenario: its timeline as it happens, and the verdict\n"
    "  check  reads a scenario, says what is wrong with it, and starts nothing\n"
    "  list   the ready scenarios, and which faults they cover\n"
    "  show   prints a scenario\n"
    "  all    each ready scenario once\n"
    "  soak   ready scenarios in random order with new seeds, until the first that breaks\n"
    "\n"
    "  --seed N        of all that is random; it is printed, and repeats a run\n"
    "  --keep DIR      keeps all directories of the processes there\n"
    "  --report FILE   writes the run as one HTML file with a picture\n"
    "  --json FILE     writes the numbers; - is standard output, with nothing else there\n"
    "  --quiet         no timeline\n"
    "  --smoke         only the quick ones\n"
    "  --minutes N     how long to go on; default 10\n"
    "  --help          prints this\n"
    "\n"
    "Exit status: 0 all promises hold, 1 one was broken, 2 it could not be run or a process\n"
    "failed, 77 something it needs is not there, 130 interrupted.\n";

static const struct option known[] = {
    {"seed", required_argument, NULL, 's'},   {"keep", required_argument, NULL, 'k'},
    {"report", required_argument, NULL, 'r'}, {"json", required_argument, NULL, 'j'},
    {"quiet", no_argument, NULL, 'q'},        {"smoke", no_argument, NULL, 'o'},
    {"minutes", required_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int list(const struct lab_request *request)
{
    (void)request;
    return lab_perform_list();
}

/* `options`: the letters of those that it takes. */
static const struct command {
    const char *name, *options;
    int least, most; /* words after it */
    int (*perform)(const struct lab_request *request);
} commands[] = {
    {"run", "skrjq", 1, 1, lab_perform_run},   {"check", "", 1, 1, lab_perform_check},
    {"list", "", 0, 0, list},                  {"show", "", 1, 1, lab_perform_show},
    {"all", "so", 0, 0, lab_perform_all},      {"soak", "sm", 0, 1000, lab_perform_soak},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const struct command *find(const char *name)
{
    const char *names[COMMANDS];

    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = commands[i].name;
    }
    const char *meant = suggest(name, names, COMMANDS);
    fprintf(stderr, "godwit lab: there is no command '%s'; ", name);
    if (meant)
        fprintf(stderr, "did you mean '%s'?\n", meant);
    else
        fputs("there are run, check, list, show, all and soak\n", stderr);
    return NULL;
}

static bool number(const char *option, uint64_t most, uint64_t *value)
{
    if (lab_read_number(optarg, most, value) && *value > 0)
        return true;
    fprintf(stderr, "godwit lab: %s must be a whole number from 1 to %llu, not '%s'\n", option,
            (unsigned long long)most, optarg);
    return false;
}

static bool take(int letter, struct lab_request *request)
{
    switch (letter) {
    case 's': return number("--seed", UINT64_MAX, &request->seed);
    case 'm': return number("--minutes", MINUTES_MAX, &request->minutes);
    case 'k': request->keep = optarg; return true;
    case 'r': request->report = optarg; return true;
    case 'j': request->json = optarg; return true;
    case 'q': request->quiet = true; return true;
    case 'o': request->smoke = true; return true;
    default: return false; /* getopt said why */
    }
}

static const char *option_name(int letter)
{
    for (const struct option *option = known; option->name; option++) {
        if (option->val == letter)
            return option->name;
    }
    return "";
}

static bool read_options(int argc, char **argv, const struct command *command,
                         struct lab_request *request)
{
    static char name[] = "godwit lab"; /* in getopt's own sentences */

    argv[0] = name;
    for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (letter != '?' && !strchr(command->options, letter)) {
            fprintf(stderr, "godwit lab: `%s` takes no --%s; see `godwit lab --help`\n",
                    command->name, option_name(letter));
            return false;
        }
        if (!take(letter, request))
            return false;
    }
    request->names = argv + optind;
    request->name_count = (size_t)(argc - optind);
    request->word = argv[optind];
    if (argc - optind >= command->least && argc - optind <= command->most)
        return true;
    fprintf(stderr, "godwit lab: `%s` takes %s; see `godwit lab --help`\n", command->name,
            command->least == 0 ? "no further words" : "the file or the name of one scenario");
    return false;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || (i == 1 && (strcmp(argv[i], "-h") == 0 ||
                                                          strcmp(argv[i], "help") == 0)))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct lab_request request = {.minutes = 10};

    if (asks_for_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc < 2) {
        fputs(help, stderr);
        return LAB_USAGE;
    }
    const struct command *command = find(argv[1]);
    if (!command || !read_options(argc - 1, argv + 1, command, &request))
        return LAB_USAGE;
    int status = command->perform(&request);
    if (fflush(stdout) != 0) {
        perror("godwit lab");
        return LAB_USAGE;
    }
    return status;
}
