/* SPDX-License-Identifier: MPL-2.0 */

/* The program of 07 on a loop of libuv: each descriptor of godwit's is one uv_poll_t. The handles
 * are closed before the stage and the peers that the descriptors belong to. */

#include "event_loop.h"

#include <uv.h>

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)events;
    if (status == 0)
        (*(void (**)(void))handle->data)();
    if (all_done())
        uv_stop(handle->loop);
}

static void loop(void)
{
    void (*take[])(void) = {on_message, on_reply, on_outcome};
    int fds[] = {godwit_stage_fd(stage), godwit_reply_fd(client), godwit_outcome_fd(client)};
    uv_poll_t handles[3];
    uv_loop_t uv;

    uv_loop_init(&uv);
    for (int i = 0; i < 3; i++) {
        uv_poll_init(&uv, &handles[i], fds[i]);
        handles[i].data = &take[i];
        uv_poll_start(&handles[i], UV_READABLE, on_readable);
    }
    uv_run(&uv, UV_RUN_DEFAULT); /* until uv_stop */
    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&handles[i], NULL);
    uv_run(&uv, UV_RUN_DEFAULT); /* closes the handles */
    uv_loop_close(&uv);
}

int main(void)
{
    open_all();
    loop();
    close_all();
    return 0;
}

/* Prints:
 *   3 messages, 3 replies, 6 outcomes
 */
