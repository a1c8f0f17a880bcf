/* SPDX-License-Identifier: MPL-2.0 */
/* What a scenario needs of the machine: programs, ports, rights. */

#include "disk.h"
#include "mistake.h"
#include "program.h"
#include "words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- programs --- */

static bool check_program(const struct lab_process_plan *process, const char *word,
                          struct lab_mistake *mistake)
{
    char path[PATH_MAX];
    struct lab_place place;

    if (lab_place_next(word, 0, &place) || lab_program_find(word, path))
        return true; /* what stands in {dir} may come there later */
    lab_mistaken(mistake, process->line, "the program `%s` of `%s`: %s", word, process->name,
                 strerror(errno));
    if (strchr(word, '/'))
        return lab_mend(mistake, "paths begin where `godwit lab` is called; is it built?");
    return lab_mend(mistake, "it is in no folder of PATH; install it, or write its path");
}

/* --- ports --- */

/* The port of a tcp endpoint of this machine in a word, 0: there is none. `*at` moves on. */
static uint16_t next_port(const char **at)
{
    static const char *const hosts[] = {"tcp://127.0.0.1:", "tcp://localhost:", "tcp://*:",
                                        "tcp://0.0.0.0:"};

    while ((*at = strstr(*at, "tcp://"))) {
        const char *here = *at;
        *at += strlen("tcp://");
        for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
            size_t size = strlen(hosts[i]);
            unsigned long port =
                strncmp(here, hosts[i], size) == 0 ? strtoul(here + size, NULL, 10) : 0;
            if (port > 0 && port <= UINT16_MAX)
                return (uint16_t)port;
        }
    }
    return 0;
}

/* As a server would: what is left over from a connection of before does not count. */
static bool is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool used = bind(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno == EADDRINUSE;
    close(fd);
    return !used;
}

static bool check_ports(const struct lab_process_plan *process, struct lab_mistake *mistake)
{
    for (char *const *word = process->argv; *word; word++) {
        const char *at = *word;
        for (uint16_t port; (port = next_port(&at));) {
            if (is_free(port))
                continue;
            lab_mistaken(mistake, process->line, "port %u in the command of `%s` is in use", port,
                         process->name);
            return lab_mend(mistake, "{endpoint} is a free one, and another process reaches it as "
                                     "{%s}", process->name);
        }
    }
    return true;
}

bool lab_scenario_check(const struct lab_scenario *scenario, struct lab_mistake *mistake)
{
    for (size_t i = 0; i < scenario->process_count; i++) {
        const struct lab_process_plan *process = &scenario->processes[i];
        if (!check_program(process, process->argv[0], mistake) ||
            (process->audit && !check_program(process, process->audit[0], mistake)) ||
            !check_ports(process, mistake))
            return false;
    }
    return true;
}

/* --- what may be missing --- */

const char *lab_scenario_needs(const struct lab_scenario *scenario, char *why, size_t size)
{
    bool tmpfs = false, shim = false;

    for (size_t i = 0; i < scenario->process_count; i++) {
        tmpfs = tmpfs || scenario->processes[i].disk_bytes > 0;
        shim = shim || scenario->processes[i].shim;
    }
    return lab_disk_lacks(tmpfs, shim, why, size);
}
