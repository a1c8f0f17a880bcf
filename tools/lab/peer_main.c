/* SPDX-License-Identifier: MPL-2.0 */
/* godwit lab-peer: which role. */

#include "peer.h"

#include <string.h>

int main(int argc, char **argv)
{
    static struct {
        const char *name;
        int (*run)(const struct peer_options *options);
    } const roles[] = {{"push", peer_send}, {"ask", peer_send}, {"work", peer_work},
                       {"serve", peer_serve}, {"audit", peer_audit}};
    struct peer_options options;
    int status;

    if (!peer_options_read(argc, argv, &options, &status))
        return status;
    peer_listen_to_signals();
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(options.role, roles[i].name) == 0)
            return roles[i].run(&options);
    return PEER_USAGE;
}
