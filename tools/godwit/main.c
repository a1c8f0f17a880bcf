/* SPDX-License-Identifier: MPL-2.0 */
/* The godwit command: a few verbs of its own; the rest are tools that it becomes. */

#include "cli.h"
#include "common/suggest.h"
#include "tool.h"
#include <godwit.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct verb {
    const char *name, *about;
    const char *help;                   /* NULL: a tool, or one of the last two */
    int (*run)(int argc, char **argv);
    bool tool;
};

static const struct verb verbs[] = {
    {"status", "show a peer: links, members, streams, windows", help_status, verb_status, false},
    {"top", "the same again each second, with rates", help_top, verb_top, false},
    {"find", "say where a message is", help_find, verb_find, false},
    {"dead", "list, show, requeue or purge dead letters", help_dead, verb_dead, false},
    {"counters", "print what a running peer counts", help_counters, verb_counters, false},
    {"send", "send messages", help_send, verb_send, false},
    {"recv", "receive messages of a stage", help_recv, verb_recv, false},
    {"request", "ask a service", help_request, verb_request, false},
    {"serve", "answer requests with a program", help_serve, verb_serve, false},
    {"withdraw", "take a message back", help_withdraw, verb_withdraw, false},
    {"forfeit", "give what a lost member holds to others", help_forfeit, verb_forfeit, false},
    {"bench", "measure rates beside raw libzmq", NULL, NULL, true},
    {"sim", "run the protocol on a virtual network, disk and clock", NULL, NULL, true},
    {"lab", "run real processes, break what is around them, and judge", NULL, NULL, true},
    {"lab-peer", "send and work as a scenario of the lab says", NULL, NULL, true},
    {"help", "print this, or the help of a command", NULL, NULL, false},
    {"version", "print the version", NULL, NULL, false},
};

static void print_help(FILE *to)
{
    fputs("usage: godwit COMMAND [options]\n\n", to);
    for (size_t i = 0; i < COUNT(verbs); i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].about);
    fputs("\n`godwit help COMMAND` says more. See also godwit(1).\n", to);
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[COUNT(verbs)];
    for (size_t i = 0; i < COUNT(verbs); i++)
        names[i] = verbs[i].name;
    const char *meant = suggest(name, names, COUNT(verbs));
    fprintf(stderr, "godwit: there is no command '%s'", name);
    if (meant)
        fprintf(stderr, "; did you mean '%s'?\n", meant);
    else
        fprintf(stderr, "; `godwit help` lists them\n");
    return USAGE;
}

static int refuse_arguments(const char *name)
{
    fprintf(stderr, "godwit: '%s' takes no such arguments; see `godwit help`\n", name);
    return USAGE;
}

static int print_version(void)
{
    printf("godwit %s\n", GODWIT_VERSION_STRING);
    if (strcmp(godwit_version(), GODWIT_VERSION_STRING) != 0)
        printf("libgodwit %s\n", godwit_version());
    return OK;
}

/* godwit help [COMMAND] */
static int help(int argc, char **argv)
{
    if (argc == 0) {
        print_help(stdout);
        return OK;
    }
    const struct verb *verb = find(argv[0]);
    if (!verb)
        return unknown(argv[0]);
    if (argc > 1)
        return refuse_arguments("help");
    if (verb->tool) {
        char *arguments[] = {NULL, (char *)"--help", NULL};
        tool_run(verb->name, arguments);
        return FAILED;
    }
    if (verb->help)
        fputs(verb->help, stdout);
    else
        printf("godwit %s: %s\n", verb->name, verb->about);
    return OK;
}

static int run(int argc, char **argv)
{
    const char *name = argv[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct verb *verb = find(name);
    if (!verb)
        return unknown(name);
    if (verb->tool) {
        tool_run(name, argv);
        return FAILED;
    }
    if (verb->run)
        return verb->run(argc, argv);
    if (strcmp(name, "help") == 0)
        return help(argc - 1, argv + 1);
    return argc > 1 ? refuse_arguments(name) : print_version();
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return USAGE;
    }
    int status = run(argc - 1, argv + 1);
    if (status == OK && fflush(stdout)) {
        perror("godwit");
        return FAILED;
    }
    return status;
}
