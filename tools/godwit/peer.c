/* SPDX-License-Identifier: MPL-2.0 */
/* Verbs that are a peer for as long as they run. */

#include "cli.h"
#include <string.h>
#include <unistd.h>

static void log_line(void *context, godwit_log_level_t level, const char *text)
{
    (void)level;
    fprintf(stderr, "godwit %s: %s\n", (const char *)context, text);
}

/* The name of the store that is there already. OK with "" if there is none. */
static int stored_name(const char *verb, const char *directory, char *name, size_t size)
{
    godwit_inspect_t *inspect = NULL;
    godwit_err_t error = godwit_inspect_open(directory, &inspect);

    name[0] = '\0';
    if (error == GODWIT_ENOTFOUND)
        return OK;
    if (error)
        return failed(verb, error);
    bool running = godwit_inspect_running(inspect);
    snprintf(name, size, "%s", godwit_inspect_name(inspect));
    godwit_inspect_close(&inspect);
    if (!running)
        return OK;
    fprintf(stderr, "godwit %s: the peer of %s runs already: give this one another directory\n",
            verb, directory);
    return FAILED;
}

static int choose_name(const char *verb, const struct peer_choice *choice, char *name, size_t size)
{
    if (choice->name) {
        snprintf(name, size, "%s", choice->name);
        return OK;
    }
    if (!choice->directory) {
        snprintf(name, size, "godwit-%ld", (long)getpid());
        return OK;
    }
    int status = stored_name(verb, choice->directory, name, size);
    if (status == OK && !name[0])
        status = refuse(verb, "a new directory needs --name");
    return status;
}

int peer_begin(const char *verb, const struct peer_choice *choice, godwit_peer_t **peer)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    char name[128];
    int status = choose_name(verb, choice, name, sizeof(name));

    if (status != OK)
        return status;
    options.name = name;
    options.directory = choice->directory;
    options.max_message = PEER_MESSAGE_MAX;
    options.allow_unauthenticated = choice->unauthenticated;
    options.log = log_line;
    options.log_context = (void *)verb;
    options.log_level = GODWIT_LOG_WARNING;
    godwit_err_t error = godwit_peer_open(&options, peer);
    if (error)
        return failed(verb, error);
    if (choice->bind)
        error = godwit_peer_bind(*peer, choice->bind);
    if (!error && choice->connect)
        error = godwit_peer_connect(*peer, choice->connect);
    if (!error)
        return OK;
    status = failed(verb, error);
    godwit_peer_close(peer);
    return status;
}
