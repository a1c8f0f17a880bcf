/* SPDX-License-Identifier: MPL-2.0 */
/* Asking a peer by its directory. */

#include "ask.h"
#include "records.h"
#include <getopt.h>
#include <string.h>

int ask_open(const char *verb, const char *directory, godwit_inspect_t **inspect)
{
    godwit_err_t error = godwit_inspect_open(directory, inspect);
    return error ? failed(verb, error) : OK;
}

int ask(const char *verb, godwit_inspect_t *inspect, const char *request, char **answer)
{
    godwit_err_t error = godwit_inspect_ask(inspect, request, NULL, 0, ASK_MS, answer);
    return error ? failed(verb, error) : OK;
}

int ask_once(const char *verb, const char *directory, const char *request, char **answer)
{
    godwit_inspect_t *inspect = NULL;
    int status = ask_open(verb, directory, &inspect);
    if (status == OK)
        status = ask(verb, inspect, request, answer);
    godwit_inspect_close(&inspect);
    return status;
}

/* Becomes the peer of a directory where none runs. */
static int open_here(const char *verb, const char *directory, const char *name,
                     godwit_inspect_t **inspect, godwit_peer_t **peer)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    options.name = name;
    options.directory = directory;
    options.max_message = PEER_MESSAGE_MAX;
    godwit_err_t error = godwit_peer_open(&options, peer);
    if (error)
        return failed(verb, error);
    int status = ask_open(verb, directory, inspect);
    if (status == OK && !godwit_inspect_running(*inspect)) {
        fprintf(stderr, "godwit %s: no control socket can be made in %s\n", verb, directory);
        status = FAILED;
    }
    if (status != OK)
        ask_end(inspect, peer);
    return status;
}

int ask_begin(const char *verb, const char *directory, const char *name,
              godwit_inspect_t **inspect, godwit_peer_t **peer)
{
    char known[128];

    *peer = NULL;
    godwit_err_t error = godwit_inspect_open(directory, inspect);
    if (error == GODWIT_ENOTFOUND && name)
        return open_here(verb, directory, name, inspect, peer);
    if (error)
        return failed(verb, error);
    if (godwit_inspect_running(*inspect))
        return OK;
    snprintf(known, sizeof(known), "%s", name ? name : godwit_inspect_name(*inspect));
    godwit_inspect_close(inspect);
    return open_here(verb, directory, known, inspect, peer);
}

void ask_end(godwit_inspect_t **inspect, godwit_peer_t **peer)
{
    godwit_inspect_close(inspect);
    godwit_peer_close(peer);
}

void ask_print(const char *answer, const char *kind)
{
    struct record record;
    while (record_next(&answer, &record))
        if (!kind || record_is(&record, kind))
            printf("%.*s\n", (int)record.size, record.text);
}

int ask_options(int argc, char **argv, const char *help, size_t words, const char *usage,
                struct plain *plain)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    int option;

    *plain = (struct plain){0};
    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'j': plain->json = true; break;
        case 'h': fputs(help, stdout); return -1;
        default: return refuse(argv[0], "there is no option '%s'", argv[optind - 1]);
        }
    }
    if ((size_t)(argc - optind) != words)
        return refuse(argv[0], "it is `godwit %s %s`", argv[0], usage);
    for (size_t i = 0; i < words; i++)
        plain->words[i] = argv[optind + (int)i];
    return OK;
}
