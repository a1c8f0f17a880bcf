/* SPDX-License-Identifier: MPL-2.0 */

/* What the live tests share. */

#include "live.h"

#include <ftw.h>
#include <inttypes.h>

void live_ok(godwit_err_t error, const char *call, const char *file, int line)
{
    if (error == GODWIT_OK)
        return;
    print_error("%s: %s: %s\n", call, godwit_error_name(error), godwit_last_error());
    _fail(file, line);
}

void live_fails(godwit_err_t expected, godwit_err_t error, const char *call, const char *file,
                int line)
{
    if (error == expected) {
        _assert_true(godwit_last_error()[0] != '\0', "a failed call leaves a sentence", file, line);
        return;
    }
    print_error("%s: %s, not %s: %s\n", call, godwit_error_name(error),
                godwit_error_name(expected), godwit_last_error());
    _fail(file, line);
}

void live_says(const char *text, const char *file, int line)
{
    if (strstr(godwit_last_error(), text))
        return;
    print_error("\"%s\" does not say \"%s\"\n", godwit_last_error(), text);
    _fail(file, line);
}

static void log_line(void *context, godwit_log_level_t level, const char *text)
{
    fprintf(stderr, "[%s %d] %s\n", (const char *)context, (int)level, text);
}

godwit_peer_options_t live_options(const char *name)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;

    options.name = name;
    options.heartbeat_ms = LIVE_HEARTBEAT_MS;
    if (getenv("LIVE_LOG")) {
        options.log = log_line;
        options.log_context = (void *)name; /* a literal, in every test */
        options.log_level = GODWIT_LOG_DEBUG;
    }
    return options;
}

godwit_peer_t *live_peer_beating(const char *name, uint32_t heartbeat_ms)
{
    godwit_peer_options_t options = live_options(name);
    godwit_peer_t *peer;

    options.heartbeat_ms = heartbeat_ms;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

godwit_peer_t *live_peer(const char *name)
{
    return live_peer_beating(name, LIVE_HEARTBEAT_MS);
}

godwit_peer_t *live_disk_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = live_options(name);
    godwit_peer_t *peer;

    options.directory = directory;
    options.durability = GODWIT_DURABILITY_OS;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

void live_bind(godwit_peer_t *peer, char endpoint[256])
{
    ok(godwit_peer_bind(peer, "tcp://127.0.0.1:*"));
    ok(godwit_peer_endpoint(peer, endpoint, 256));
}

void live_join(godwit_peer_t *dialler, godwit_peer_t *listener)
{
    char endpoint[256];

    live_bind(listener, endpoint);
    ok(godwit_peer_connect(dialler, endpoint));
}

godwit_stage_t *live_stage(godwit_peer_t *peer, const char *name)
{
    godwit_stage_t *stage;

    ok(godwit_stage_open(peer, name, NULL, &stage));
    return stage;
}

void live_push_numbered(godwit_peer_t *peer, const char *stage, uint32_t count, size_t size)
{
    unsigned char *bytes = malloc(size);

    assert_true(bytes && size >= sizeof count);
    memset(bytes, 'x', size);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(bytes, &i, sizeof i);
        ok(godwit_push_data(peer, stage, bytes, size, NULL));
    }
    free(bytes);
    ok(godwit_peer_drain(peer, GODWIT_STORED, LIVE_TIMEOUT_MS));
}

uint64_t live_anonymous_kib(void)
{
    char line[128];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");

    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1)
            break;
    fclose(file);
    return kib;
}

uint64_t live_counter(godwit_peer_t *peer, const char *name)
{
    uint64_t value = 0;

    ok(godwit_peer_counter(peer, name, &value));
    return value;
}

godwit_delivery_t *live_next(godwit_stage_t *stage)
{
    godwit_delivery_t *delivery = NULL;

    ok(godwit_stage_next(stage, LIVE_TIMEOUT_MS, &delivery));
    return delivery;
}

/* --- directories --- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void live_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define DIRECTORIES_MAX 256

static char made[DIRECTORIES_MAX][128];
static size_t made_count;
static pid_t made_by;

/* What a test that failed did not remove; a forked child leaves it to its parent. */
static void remove_made(void)
{
    for (size_t i = 0; i < made_count && getpid() == made_by; i++)
        live_remove(made[i]);
}

char *live_directory(char path[128])
{
    const char *base = getenv("TMPDIR");

    if (made_by == 0 && atexit(remove_made) == 0)
        made_by = getpid();
    snprintf(path, 128, "%s/godwit-live-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    if (made_count < DIRECTORIES_MAX)
        memcpy(made[made_count++], path, 128);
    return path;
}
