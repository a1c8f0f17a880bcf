/* SPDX-License-Identifier: MPL-2.0 */

/* What callers ask for, checked field by field. */

#include "peer/options.h"

#include "peer/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define KEY_MAX 512
#define ENDLESS UINT64_MAX
#define OWN_SPACES "godwit."

/* 0 becomes `standard`; anything else must be within the range. */
static godwit_err_t number(const char *field, uint64_t value, uint64_t least, uint64_t most,
                           uint64_t standard, uint64_t *result)
{
    if (value == 0)
        value = standard;
    if (value < least)
        return gw_error(GODWIT_EINVAL, "%s is %" PRIu64 ", but must be at least %" PRIu64, field,
                        value, least);
    if (value > most)
        return gw_error(GODWIT_EINVAL, "%s is %" PRIu64 ", but must be at most %" PRIu64, field,
                        value, most);
    *result = value;
    return GODWIT_OK;
}

/* Copies a sized struct of this or an older version of the header; new fields become 0. */
static godwit_err_t sized(void *known, size_t known_size, const void *given, size_t given_size,
                          const char *initialiser)
{
    if (given_size < sizeof(size_t))
        return gw_error(GODWIT_EINVAL, "the options' size is %zu: start from %s", given_size,
                        initialiser);
    if (given_size > known_size)
        return gw_error(GODWIT_EINVAL,
                        "the options' size is %zu, but this library (%s) knows %zu: "
                        "the program was built with a newer header",
                        given_size, GODWIT_VERSION_STRING, known_size);
    memset(known, 0, known_size);
    memcpy(known, given, given_size);
    return GODWIT_OK;
}

static godwit_err_t read_durability(const godwit_peer_options_t *options,
                                    struct gw_settings *settings)
{
    bool on_disk = options->directory != NULL;
    godwit_durability_t level = options->durability;

    if (level == GODWIT_DURABILITY_DEFAULT)
        level = on_disk ? GODWIT_DURABILITY_FSYNC : GODWIT_DURABILITY_MEMORY;
    if ((unsigned)level > GODWIT_DURABILITY_MEMORY)
        return gw_error(GODWIT_EINVAL, "durability is %d, but must be 0 to 3", (int)level);
    if (on_disk && level == GODWIT_DURABILITY_MEMORY)
        return gw_error(GODWIT_EINVAL,
                        "durability is memory, but a directory is given: leave one of them out");
    if (!on_disk && level != GODWIT_DURABILITY_MEMORY)
        return gw_error(GODWIT_EINVAL,
                        "durability is %s, but no directory is given to keep the store in",
                        level == GODWIT_DURABILITY_OS ? "os" : "fsync");
    if (on_disk && options->directory[0] == '\0')
        return gw_error(GODWIT_EINVAL, "directory is empty: give a path, or NULL for memory only");
    settings->directory = options->directory;
    settings->durability = level;
    return GODWIT_OK;
}

static godwit_err_t read_name(const char *name, struct gw_settings *settings)
{
    if (!name)
        return gw_error(GODWIT_EINVAL, "name is missing");
    if (!gw_name_valid(name))
        return gw_error(GODWIT_EINVAL, "name is \"%.80s\", but must be 1 to 64 of [a-z0-9._-]",
                        name);
    snprintf(settings->name, sizeof settings->name, "%s", name);
    return GODWIT_OK;
}

static godwit_err_t read_log(const godwit_peer_options_t *options, struct gw_settings *settings)
{
    uint64_t level = 0;
    godwit_err_t error = number("log_level", (uint64_t)options->log_level, GODWIT_LOG_ERROR,
                                GODWIT_LOG_DEBUG, GODWIT_LOG_INFO, &level);

    if (error)
        return error;
    settings->log = options->log;
    settings->log_context = options->log_context;
    settings->log_level = (godwit_log_level_t)level;
    return GODWIT_OK;
}

godwit_err_t gw_settings_read(const godwit_peer_options_t *given, struct gw_settings *settings)
{
    godwit_peer_options_t options;
    godwit_err_t error;

    *settings = (struct gw_settings){0};
    if (!given)
        return gw_error(GODWIT_EINVAL, "options is NULL");
    if ((error = sized(&options, sizeof options, given, given->size, "GODWIT_PEER_OPTIONS_INIT")) ||
        (error = read_name(options.name, settings)) ||
        (error = read_durability(&options, settings)) ||
        (error = number("outbox_max_bytes", options.outbox_max_bytes, 1024, ENDLESS, 1024 * MIB,
                        &settings->outbox_max_bytes)) ||
        (error = number("outbox_max_messages", options.outbox_max_messages, 1, ENDLESS, 100000000,
                        &settings->outbox_max_messages)) ||
        (error = number("max_message", options.max_message, 1, GW_MESSAGE_MAX, GW_MESSAGE_COMMON,
                        &settings->max_message)) ||
        (error = number("window", options.window, 1, GW_WINDOW_MAX, 65536, &settings->window)) ||
        (error = number("heartbeat_ms", options.heartbeat_ms, 20, 60000, 1000,
                        &settings->heartbeat_ms)) ||
        (error = number("memory_ttl_s", options.memory_ttl_s, 1, UINT32_MAX, 86400,
                        &settings->memory_ttl_s)) ||
        (error = number("reply_ttl_s", options.reply_ttl_s, 1, UINT32_MAX, 86400,
                        &settings->reply_ttl_s)) ||
        (error = read_log(&options, settings)))
        return error;
    if (options.full_timeout_ms < -1)
        return gw_error(GODWIT_EINVAL,
                        "full_timeout_ms is %d, but must be -1 (refuse), 0 (no limit) or above",
                        options.full_timeout_ms);
    settings->full_timeout_ms = options.full_timeout_ms;
    settings->allow_unauthenticated = options.allow_unauthenticated;
    settings->outcomes = options.outcomes;
    settings->no_control = options.no_control;
    return GODWIT_OK;
}

/* The next one comes while one of the largest is worked on. */
uint64_t gw_credit_bytes_usual(uint64_t max_message)
{
    return max_message > 4 * MIB ? 2 * max_message : 8 * MIB;
}

godwit_err_t gw_inbox_settings_read(const godwit_inbox_options_t *given, uint64_t max_message,
                                    struct gw_inbox_settings *settings)
{
    godwit_inbox_options_t options = GODWIT_INBOX_OPTIONS_INIT;
    godwit_err_t error = GODWIT_OK;

    if (given)
        error = sized(&options, sizeof options, given, given->size, "GODWIT_INBOX_OPTIONS_INIT");
    if (!error)
        error = number("credit_messages", options.credit_messages, 1, 1048576, 16384,
                       &settings->credit_messages);
    if (!error)
        error = number("credit_bytes", options.credit_bytes, max_message, GW_SEQUENCE_MAX,
                       gw_credit_bytes_usual(max_message), &settings->credit_bytes);
    return error;
}

/* A time in milliseconds, kept in microseconds. */
static godwit_err_t milliseconds(const char *field, uint32_t value, uint32_t least,
                                 uint32_t standard, uint64_t *result_us)
{
    godwit_err_t error = number(field, value, least, UINT32_MAX, standard, result_us);

    *result_us *= 1000;
    return error;
}

static godwit_err_t read_jitter(int percent, uint32_t *result)
{
    if (percent < -1 || percent > 100)
        return gw_error(GODWIT_EINVAL,
                        "retry_jitter_percent is %d, but must be -1 (none), 0 (default) or at most "
                        "100",
                        percent);
    *result = percent == 0 ? 20 : percent < 0 ? 0 : (uint32_t)percent;
    return GODWIT_OK;
}

static godwit_err_t read_policy(const godwit_destination_options_t *options,
                                struct gw_policy *policy)
{
    uint32_t cap_ms = options->retry_base_ms > 60000 ? options->retry_base_ms : 60000;
    godwit_err_t error;

    if ((unsigned)options->ordering > GODWIT_ORDERING_ORDERED)
        return gw_error(GODWIT_EINVAL, "ordering is %d, but must be 0 or 1",
                        (int)options->ordering);
    if ((unsigned)options->member_lost > GODWIT_LOST_FAILOVER)
        return gw_error(GODWIT_EINVAL, "member_lost is %d, but must be 0 or 1",
                        (int)options->member_lost);
    policy->ordered = options->ordering == GODWIT_ORDERING_ORDERED;
    policy->failover = options->member_lost == GODWIT_LOST_FAILOVER;
    if ((error = milliseconds("failover_ms", options->failover_ms, 100, 30000,
                              &policy->failover_us)) ||
        (error = milliseconds("retry_base_ms", options->retry_base_ms, 1, 100,
                              &policy->retry_base_us)) ||
        (error = milliseconds("retry_cap_ms", options->retry_cap_ms,
                              (uint32_t)(policy->retry_base_us / 1000), cap_ms,
                              &policy->retry_cap_us)) ||
        (error = read_jitter(options->retry_jitter_percent, &policy->retry_jitter)))
        return error;
    policy->max_attempts = options->max_attempts == 0            ? 20
                           : options->max_attempts == UINT32_MAX ? 0
                                                                 : options->max_attempts;
    policy->deadline_us = (uint64_t)options->deadline_ms * 1000;
    return GODWIT_OK;
}

godwit_err_t gw_destination_settings_read(const godwit_destination_options_t *given,
                                          struct gw_destination_settings *settings)
{
    godwit_destination_options_t options;
    godwit_err_t error;

    *settings = (struct gw_destination_settings){0};
    if (!given)
        return gw_error(GODWIT_EINVAL, "options is NULL");
    if ((error = sized(&options, sizeof options, given, given->size,
                       "GODWIT_DESTINATION_OPTIONS_INIT")) ||
        (error = read_policy(&options, &settings->policy)))
        return error;
    settings->max_bytes = options.max_bytes;
    settings->max_messages = options.max_messages;
    return GODWIT_OK;
}

godwit_err_t gw_check_timeout(int timeout_ms)
{
    if (timeout_ms >= -1)
        return GODWIT_OK;
    return gw_error(GODWIT_EINVAL, "timeout_ms is %d, but must be -1 (without limit), 0 or above",
                    timeout_ms);
}

/* What this thread named last: as a rule it names the same again, and to read that anew would be a
 * fifth of the instructions of a send. */
static _Thread_local struct {
    char text[GW_DESTINATION_TEXT]; /* empty: none yet */
    struct gw_destination destination;
} named;

godwit_err_t gw_check_destination(const char *text, struct gw_destination *destination)
{
    if (!text)
        return gw_error(GODWIT_EINVAL, "destination is NULL");
    if (named.text[0] && strcmp(text, named.text) == 0) {
        *destination = named.destination;
        return GODWIT_OK;
    }
    if (gw_destination_parse(text, destination) != 0)
        return gw_error(GODWIT_EINVAL,
                        "destination is \"%.100s\", but must be stage:, peer:, service: or "
                        "reply:NAME, NAME being 1 to 64 of [a-z0-9._-]",
                        text);
    gw_destination_format(destination, named.text);
    named.destination = *destination;
    return GODWIT_OK;
}

godwit_err_t gw_check_space(const char *space)
{
    if (!space)
        return gw_error(GODWIT_EINVAL, "space is NULL");
    if (!gw_name_valid(space))
        return gw_error(GODWIT_EINVAL, "space is \"%.80s\", but must be 1 to 64 of [a-z0-9._-]",
                        space);
    if (strncmp(space, OWN_SPACES, sizeof OWN_SPACES - 1) == 0)
        return gw_error(GODWIT_EINVAL,
                        "space is \"%s\", but those that begin with \"" OWN_SPACES
                        "\" are the library's own",
                        space);
    return GODWIT_OK;
}

godwit_err_t gw_check_key(const void *key, size_t key_size)
{
    if (!key)
        return gw_error(GODWIT_EINVAL, "key is NULL");
    if (key_size < 1)
        return gw_error(GODWIT_EINVAL, "key_size is 0, but must be 1 to %d", KEY_MAX);
    if (key_size > KEY_MAX)
        return gw_error(GODWIT_ETOOLARGE, "key_size is %zu, but must be 1 to %d", key_size,
                        KEY_MAX);
    return GODWIT_OK;
}
