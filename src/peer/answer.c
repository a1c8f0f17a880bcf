/* SPDX-License-Identifier: MPL-2.0 */

/* The tables of `status`, and an answer's end. */

#include "peer/answer.h"

void gw_answer_result(struct gw_buffer *out, godwit_err_t error, const char *sentence)
{
    gw_json_begin(out, "result");
    gw_json_flag(out, "ok", error == GODWIT_OK);
    if (error) {
        gw_json_text(out, "error", godwit_error_name(error));
        gw_json_text(out, "text", sentence);
    }
    gw_json_end(out);
}

void gw_answer_cut(struct gw_buffer *out, const char *table, size_t shown, size_t total)
{
    if (total <= shown)
        return;
    gw_json_begin(out, "cut");
    gw_json_text(out, "table", table);
    gw_json_number(out, "shown", shown);
    gw_json_number(out, "total", total);
    gw_json_end(out);
}

static size_t shown(size_t count)
{
    return count < GW_SURVEY_MAX ? count : GW_SURVEY_MAX;
}

void gw_answer_dials(struct gw_buffer *out, const struct gw_snapshot *snapshot)
{
    size_t count = shown(snapshot->dial_count);

    for (size_t i = 0; i < count; i++) {
        gw_json_begin(out, "dial");
        gw_json_text(out, "endpoint", snapshot->dials[i]);
        gw_json_end(out);
    }
    gw_answer_cut(out, "dial", count, snapshot->dial_count);
}

static void answer_link(struct gw_buffer *out, const struct gw_survey *survey,
                        const struct gw_survey_link *link)
{
    uint64_t since = link->since_us && survey->now_us > link->since_us
                         ? survey->now_us - link->since_us
                         : 0;

    gw_json_begin(out, "link");
    gw_json_text(out, "peer", link->name);
    gw_json_flag(out, "up", link->up);
    if (since)
        gw_json_number(out, "since_ms", since / 1000);
    if (link->up) {
        gw_json_flag(out, "complete", link->complete);
        gw_json_flag(out, "dialled", link->dialled);
        gw_json_number(out, "silent_ms", link->heard_us / 1000);
        if (link->rtt_us)
            gw_json_number(out, "rtt_us", link->rtt_us);
    }
    gw_json_flag(out, "memory", link->memory);
    if (link->gone)
        gw_json_flag(out, "gone", true);
    gw_json_number(out, "holds", link->holds);
    gw_json_number(out, "in_hand", link->in_hand);
    gw_json_end(out);
}

static void answer_target(struct gw_buffer *out, const struct gw_survey_target *target)
{
    gw_json_begin(out, "destination");
    gw_json_destination(out, &target->destination);
    gw_json_number(out, "members", target->members);
    gw_json_number(out, "unsettled", target->unsettled);
    gw_json_number(out, "unoffered", target->unoffered);
    gw_json_number(out, "waiting", target->waiting);
    gw_json_number(out, "failing", target->failing);
    gw_json_number(out, "streams", target->streams);
    gw_json_flag(out, "ordered", target->ordered);
    gw_json_flag(out, "failover", target->failover);
    gw_json_end(out);
}

static void answer_member(struct gw_buffer *out, const struct gw_survey_member *member)
{
    gw_json_begin(out, "member");
    gw_json_destination(out, &member->destination);
    gw_json_text(out, "peer", member->peer);
    gw_json_flag(out, "linked", member->linked);
    gw_json_flag(out, "serving", member->serving);
    gw_json_flag(out, "forfeited", member->forfeited);
    gw_json_number(out, "outstanding", member->outstanding);
    gw_json_number(out, "credit_messages", member->credit_messages);
    gw_json_number(out, "credit_bytes", member->credit_bytes);
    gw_json_end(out);
}

static void answer_stream(struct gw_buffer *out, const struct gw_survey_stream *stream)
{
    gw_json_begin(out, "stream");
    gw_json_epoch(out, "epoch", stream->epoch);
    gw_json_destination(out, &stream->destination);
    gw_json_number(out, "floor", stream->floor);
    gw_json_number(out, "last", stream->last);
    gw_json_number(out, "stored", stream->stored);
    gw_json_number(out, "unsettled", stream->unsettled);
    gw_json_flag(out, "old", stream->old);
    gw_json_flag(out, "ordered", stream->ordered);
    gw_json_flag(out, "stalled", stream->stalled);
    if (stream->unsettled) {
        gw_json_id(out, "lowest", stream->epoch, stream->floor);
        gw_json_text(out, "holder", stream->holder);
    }
    gw_json_end(out);
}

static void answer_window(struct gw_buffer *out, const struct gw_survey_window *window)
{
    gw_json_begin(out, "window");
    gw_json_epoch(out, "epoch", window->epoch);
    gw_json_destination(out, &window->destination);
    gw_json_text(out, "sender", window->sender);
    gw_json_number(out, "floor", window->floor);
    gw_json_number(out, "last", window->last);
    gw_json_number(out, "in_hand", window->in_hand);
    gw_json_number(out, "begun", window->begun);
    gw_json_number(out, "decided", window->decided);
    gw_json_end(out);
}

static void answer_local(struct gw_buffer *out, const struct gw_survey_local *local)
{
    gw_json_begin(out, "serve");
    gw_json_destination(out, &local->destination);
    gw_json_flag(out, "open", local->open);
    gw_json_number(out, "credit_messages", local->credit_messages);
    gw_json_number(out, "credit_bytes", local->credit_bytes);
    gw_json_end(out);
}

void gw_answer_survey(struct gw_buffer *out, const struct gw_survey *survey)
{
    for (size_t i = 0; i < shown(survey->link_count); i++)
        answer_link(out, survey, &survey->links[i]);
    gw_answer_cut(out, "link", shown(survey->link_count), survey->link_count);
    for (size_t i = 0; i < shown(survey->local_count); i++)
        answer_local(out, &survey->locals[i]);
    gw_answer_cut(out, "serve", shown(survey->local_count), survey->local_count);
    for (size_t i = 0; i < shown(survey->target_count); i++)
        answer_target(out, &survey->targets[i]);
    gw_answer_cut(out, "destination", shown(survey->target_count), survey->target_count);
    for (size_t i = 0; i < shown(survey->member_count); i++)
        answer_member(out, &survey->members[i]);
    gw_answer_cut(out, "member", shown(survey->member_count), survey->member_count);
    for (size_t i = 0; i < shown(survey->stream_count); i++)
        answer_stream(out, &survey->streams[i]);
    gw_answer_cut(out, "stream", shown(survey->stream_count), survey->stream_count);
    for (size_t i = 0; i < shown(survey->window_count); i++)
        answer_window(out, &survey->windows[i]);
    gw_answer_cut(out, "window", shown(survey->window_count), survey->window_count);
}
