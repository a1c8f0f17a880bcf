/* SPDX-License-Identifier: MPL-2.0 */

/* The shared object with a user's handlers: opened, checked, and its variables, of which each
 * simulated process has a set of its own, as each process of a system has. */

#include "handler_inside.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECES_MAX 8

struct piece { /* of memory that the object may write */
    uint8_t *at;
    size_t size;
};

static struct {
    const godwit_simulation_t *told;
    struct piece pieces[PIECES_MAX];
    size_t piece_count, size;
    uint8_t *fresh;  /* as they were when it was loaded */
    uint8_t *shared; /* of check; NULL: fresh */
    bool owned;      /* by `owner`; otherwise what is in memory is nobody's */
    struct handler_process *owner; /* NULL: check */
} object;

/* --- its variables --- */

/* With what AddressSanitizer keeps between variables: so not by memcpy, which it watches. */
__attribute__((no_sanitize("address"))) static void copy(uint8_t *to, const uint8_t *from,
                                                         size_t size)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
    for (volatile size_t i = 0; i < size; i++)
        to[i] = from[i];
#else
    memcpy(to, from, size);
#endif
}

static void copy_out(uint8_t *to)
{
    for (size_t i = 0; i < object.piece_count; to += object.pieces[i++].size)
        copy(to, object.pieces[i].at, object.pieces[i].size);
}

static void copy_in(const uint8_t *from)
{
    for (size_t i = 0; i < object.piece_count; from += object.pieces[i++].size)
        copy(object.pieces[i].at, from, object.pieces[i].size);
}

static uint8_t **place_of(struct handler_process *process)
{
    return process ? &process->variables : &object.shared;
}

void handler_variables_of(struct handler_process *process)
{
    uint8_t **place;

    if (!object.size || (object.owned && object.owner == process))
        return;
    if (object.owned) {
        place = place_of(object.owner);
        if (!*place && !(*place = malloc(object.size)))
            abort();
        copy_out(*place);
    }
    place = place_of(process);
    copy_in(*place ? *place : object.fresh);
    object.owned = true;
    object.owner = process;
}

void handler_variables_drop(struct handler_process *process)
{
    free(process->variables);
    process->variables = NULL;
    if (object.owner == process)
        object.owned = false;
}

void handler_variables_reset(void)
{
    free(object.shared);
    object.shared = NULL;
    object.owned = false;
}

static void add_piece(uint8_t *from, uint8_t *to)
{
    if (from >= to || object.piece_count == PIECES_MAX)
        return;
    object.pieces[object.piece_count++] = (struct piece){from, (size_t)(to - from)};
    object.size += (size_t)(to - from);
}

/* What may be written, without what was written by the loader alone and is closed now. */
static int find_pieces(struct dl_phdr_info *info, size_t size, void *context)
{
    uintptr_t inside = (uintptr_t)context, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t closed_from = 0, closed_to = 0;
    bool ours = false;

    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;
        if (header->p_type == PT_LOAD && inside >= from && inside < to)
            ours = true;
        if (header->p_type == PT_GNU_RELRO) {
            closed_from = from & ~(page - 1);
            closed_to = to & ~(page - 1);
        }
    }
    for (size_t i = 0; ours && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W))
            continue;
        if (closed_from <= from && from < closed_to)
            from = closed_to;
        add_piece((uint8_t *)from, (uint8_t *)to);
    }
    return ours;
}

/* --- what it holds --- */

static bool complain(char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(char *why, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, size, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_functions(const godwit_sim_part_t *part, enum gw_kind kind,
                            char *why, size_t size)
{
    const char *name = part->destination;

    if (kind == GW_KIND_SERVICE && !part->on_call)
        return complain(why, size, "the part %s has no on_call: who shall answer?", name);
    if (kind == GW_KIND_SERVICE && (part->on_delivery || part->work))
        return complain(why, size, "the part %s is a service: it has on_call, and neither "
                                   "on_delivery nor work", name);
    if (kind == GW_KIND_STAGE && part->on_call)
        return complain(why, size, "the part %s is a stage: it has on_delivery or work, not "
                                   "on_call", name);
    if (part->on_delivery && part->work)
        return complain(why, size, "the part %s has both on_delivery and work: one of them", name);
    if (part->threads > HANDLER_THREADS_MAX)
        return complain(why, size, "the part %s has %u threads: 1 to %d", name, part->threads,
                        HANDLER_THREADS_MAX);
    return true;
}

static bool check_part(const godwit_simulation_t *told, size_t index, char *why, size_t size)
{
    const godwit_sim_part_t *part = &told->parts[index];
    struct gw_destination destination;

    if (!part->destination || gw_destination_parse(part->destination, &destination) != 0 ||
        (destination.kind != GW_KIND_STAGE && destination.kind != GW_KIND_SERVICE))
        return complain(why, size, "part %zu has the destination \"%.80s\", but must have "
                                   "\"stage:NAME\" or \"service:NAME\"", index + 1,
                        part->destination ? part->destination : "");
    for (size_t i = 0; i < index; i++) {
        if (strcmp(told->parts[i].destination, part->destination) == 0)
            return complain(why, size, "two parts have the destination %s", part->destination);
    }
    return check_functions(part, destination.kind, why, size);
}

static bool check(const godwit_simulation_t *told, char *why, size_t size)
{
    if (told->size != sizeof *told || told->part_size != sizeof(godwit_sim_part_t))
        return complain(why, size, "it was compiled with the godwit/simulate.h of another version: "
                                   "compile it again");
    if (!told->name || !gw_name_valid(told->name))
        return complain(why, size, "its name must be 1 to 64 of [a-z0-9._-]");
    if (!told->parts || told->part_count < 1 || told->part_count > HANDLER_PARTS_MAX)
        return complain(why, size, "it has %zu parts: 1 to %d", told->part_count,
                        HANDLER_PARTS_MAX);
    for (size_t i = 0; i < told->part_count; i++) {
        if (!check_part(told, i, why, size))
            return false;
    }
    return true;
}

/* --- what is offered --- */

static const char *const offer[] = {
    "godwit_ack", "godwit_ack_many", "godwit_call_attempt", "godwit_call_client",
    "godwit_call_data", "godwit_call_fail", "godwit_call_header", "godwit_call_header_at",
    "godwit_call_id", "godwit_call_redelivered", "godwit_call_reply", "godwit_call_set_header",
    "godwit_call_size", "godwit_call_txn", "godwit_cursor_close", "godwit_cursor_next",
    "godwit_delivery_attempt", "godwit_delivery_data", "godwit_delivery_drop",
    "godwit_delivery_header", "godwit_delivery_header_at", "godwit_delivery_id",
    "godwit_delivery_maybe_duplicate", "godwit_delivery_redelivered", "godwit_delivery_sender",
    "godwit_delivery_size", "godwit_error_name", "godwit_free", "godwit_get", "godwit_id_format",
    "godwit_id_parse", "godwit_inbox_next", "godwit_inbox_next_many", "godwit_inbox_open",
    "godwit_inbox_ready", "godwit_last_error", "godwit_message_data", "godwit_message_destroy",
    "godwit_message_header", "godwit_message_new", "godwit_message_set_header",
    "godwit_message_size", "godwit_nack", "godwit_peer_drain", "godwit_peer_wait_members",
    "godwit_place_name", "godwit_push", "godwit_push_data", "godwit_reject", "godwit_reply_code",
    "godwit_reply_data", "godwit_reply_done", "godwit_reply_header", "godwit_reply_next",
    "godwit_reply_request", "godwit_reply_server", "godwit_reply_size", "godwit_reply_text",
    "godwit_reply_wait", "godwit_request", "godwit_request_cancel", "godwit_request_send",
    "godwit_scan", "godwit_send", "godwit_send_data", "godwit_service_open",
    "godwit_set_last_error", "godwit_sim_effect", "godwit_sim_effect_count",
    "godwit_sim_effect_text", "godwit_sim_message", "godwit_sim_message_count", "godwit_sim_peer",
    "godwit_sim_peer_count", "godwit_sim_settled", "godwit_sim_violated", "godwit_stage_next",
    "godwit_stage_next_many", "godwit_stage_open", "godwit_status", "godwit_txn_abort",
    "godwit_txn_ack", "godwit_txn_begin", "godwit_txn_commit", "godwit_txn_commit_async",
    "godwit_txn_delete", "godwit_txn_get", "godwit_txn_push_data", "godwit_txn_put",
    "godwit_txn_reject", "godwit_txn_send", "godwit_txn_send_data", "godwit_version", "godwit_wait",
    "godwit_withdraw",
};

const char *sim_handler_offer(size_t index)
{
    return index < sizeof offer / sizeof offer[0] ? offer[index] : NULL;
}

/* --- opening --- */

static size_t list_offer(char *text, size_t size)
{
    size_t used = 0, column = 0;
    const char *name;

    for (size_t i = 0; (name = sim_handler_offer(i)) != NULL && used < size; i++) {
        bool new_line = column + strlen(name) > 90;
        int length = snprintf(text + used, size - used, "%s%s", new_line ? "\n  " : i ? " " : "  ",
                              name);
        used += (size_t)length;
        column = new_line ? strlen(name) + 2 : column + (size_t)length;
    }
    return used;
}

/* The loader names the first symbol that it misses. */
static bool explain(const char *path, const char *error, char *why, size_t size)
{
    static const char missing[] = "undefined symbol: ";
    const char *at = strstr(error, missing);
    char offered[4096];

    if (!at)
        return complain(why, size, "%s", error);
    at += sizeof missing - 1;
    int length = (int)strcspn(at, " ,");
    if (strncmp(at, "godwit_", 7) != 0)
        return complain(why, size, "%s needs %.*s, which is in no library that it is linked with",
                        path, length, at);
    list_offer(offered, sizeof offered);
    return complain(why, size,
                    "%s calls %.*s, which the simulator does not offer. Leave what opens and "
                    "connects peers out of it; handlers can call these:\n%s",
                    path, length, at, offered);
}

static int is_library(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    return strstr(info->dlpi_name, "libgodwit.so") != NULL;
}

bool sim_handler_load(const char *path, char *why, size_t size)
{
    char here[4096];

    snprintf(here, sizeof here, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *handle = dlopen(here, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return explain(path, dlerror(), why, size);
    if (dl_iterate_phdr(is_library, NULL))
        return complain(why, size, "%s is linked with libgodwit: link it without, the simulator "
                                   "offers the calls itself", path);
    const godwit_simulation_t *told = dlsym(handle, "godwit_simulation");
    if (!told)
        return complain(why, size, "%s has no symbol godwit_simulation: end a source of it with "
                                   "GODWIT_SIMULATION(...) of godwit/simulate.h", path);
    if (!check(told, why, size))
        return false;
    dl_iterate_phdr(find_pieces, (void *)(uintptr_t)told);
    if (!(object.fresh = malloc(object.size + 1)))
        abort();
    copy_out(object.fresh);
    object.told = told;
    return true;
}

const godwit_simulation_t *handler_loaded(void)
{
    return object.told;
}

const struct sim_hooks *sim_handler_hooks(void)
{
    return object.told ? &handler_hooks : NULL;
}
