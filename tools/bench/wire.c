/* SPDX-License-Identifier: MPL-2.0 */
/* The sockets of a process are known by their inodes (/proc/PID/fd); the kernel's dump of all
 * connections has an inode and a struct tcp_info for each. */

#include "wire.h"
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ESTABLISHED 1 /* TCP_ESTABLISHED of the kernel */
#define DUMP_BYTES  32768

struct inodes {
    uint32_t *item;
    size_t count, room;
};

static bool inodes_add(struct inodes *inodes, uint32_t inode)
{
    if (inodes->count == inodes->room) {
        size_t room = inodes->room ? 2 * inodes->room : 64;
        uint32_t *item = realloc(inodes->item, room * sizeof(*item));
        if (!item)
            return false;
        inodes->item = item;
        inodes->room = room;
    }
    inodes->item[inodes->count++] = inode;
    return true;
}

static int by_inode(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool inodes_of(pid_t pid, struct inodes *inodes)
{
    char path[64], target[64];
    bool good = true;
    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *directory = opendir(path);
    if (!directory)
        return false;
    for (struct dirent *entry; good && (entry = readdir(directory));) {
        unsigned inode;
        ssize_t size = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
        target[size > 0 ? size : 0] = '\0';
        if (sscanf(target, "socket:[%u]", &inode) == 1)
            good = inodes_add(inodes, inode);
    }
    closedir(directory);
    if (inodes->count)
        qsort(inodes->item, inodes->count, sizeof(*inodes->item), by_inode);
    return good;
}

static bool ask(int fd)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        .head = {.nlmsg_len = sizeof(request),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = AF_INET,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = 1 << (INET_DIAG_INFO - 1),
                 .idiag_states = 1 << ESTABLISHED},
    };
    return send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request);
}

/* One connection of the dump: counted if it is one of ours. */
static void count(const struct nlmsghdr *head, const struct inodes *inodes, uint64_t *out,
                  uint64_t *in)
{
    const struct inet_diag_msg *socket = NLMSG_DATA(head);
    uint32_t inode = socket->idiag_inode;
    if (!inodes->count ||
        !bsearch(&inode, inodes->item, inodes->count, sizeof(inode), by_inode))
        return;
    const char *at = (const char *)(socket + 1), *end = (const char *)head + head->nlmsg_len;
    while (at + sizeof(struct nlattr) <= end) {
        struct nlattr attribute;
        struct tcp_info info = {0};
        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || at + attribute.nla_len > end)
            return;
        if (attribute.nla_type == INET_DIAG_INFO) {
            size_t size = attribute.nla_len - sizeof(attribute);
            memcpy(&info, at + sizeof(attribute), size < sizeof(info) ? size : sizeof(info));
            *out += info.tcpi_bytes_acked;
            *in += info.tcpi_bytes_received;
        }
        at += NLA_ALIGN(attribute.nla_len);
    }
}

/* One datagram of the dump. 1: there is more, 0: that was the last, -1: the kernel refuses. */
static int take(const char *text, ssize_t size, const struct inodes *inodes, uint64_t *out,
                uint64_t *in)
{
    int left = (int)size;
    for (const struct nlmsghdr *head = (const void *)text; NLMSG_OK(head, (unsigned)left);
         head = NLMSG_NEXT(head, left)) {
        if (head->nlmsg_type == NLMSG_DONE)
            return 0;
        if (head->nlmsg_type == NLMSG_ERROR)
            return -1;
        count(head, inodes, out, in);
    }
    return 1;
}

bool wire_count(pid_t pid, uint64_t *out, uint64_t *in)
{
    _Alignas(struct nlmsghdr) char text[DUMP_BYTES];
    struct inodes inodes = {0};
    int more = -1;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd >= 0 && inodes_of(pid, &inodes) && ask(fd)) {
        do {
            ssize_t size = recv(fd, text, sizeof(text), 0);
            more = size > 0 ? take(text, size, &inodes, out, in) : -1;
        } while (more > 0);
    }
    if (fd >= 0)
        close(fd);
    free(inodes.item);
    return more == 0;
}
