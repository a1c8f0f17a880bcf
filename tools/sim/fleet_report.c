/* SPDX-License-Identifier: MPL-2.0 */

/* What a run measured, in words and as JSON. The figures that both give, and the curve's table, are
 * made in fleet_figures. */

#include "fleet_figures.h"

#include "core/frame.h"

#include <inttypes.h>

static const char *const shapes[] = {
    [FLEET_STAR] = "star", [FLEET_FARM] = "farm",         [FLEET_PAIRS] = "pairs",
    [FLEET_MESH] = "mesh", [FLEET_PIPELINE] = "pipeline",
};

const char *fleet_shape_name(enum fleet_shape shape)
{
    return shapes[shape];
}

bool fleet_is_bad(const struct fleet_report *report)
{
    return report->failed || report->lost || report->repeated;
}

/* --- figures --- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static uint64_t all_frames(const struct fleet_traffic *traffic)
{
    uint64_t frames = 0;

    for (size_t i = 0; i < FLEET_FRAME_TYPES; i++)
        frames += traffic->frames[i];
    return frames;
}

static uint64_t all_bytes(const struct fleet_traffic *traffic)
{
    uint64_t bytes = traffic->bodies + traffic->framing;

    for (size_t i = 0; i < FLEET_FRAME_TYPES; i++)
        bytes += traffic->headers[i];
    return bytes;
}

static struct fleet_cost cost_of(const struct fleet_phase *phase)
{
    const struct fleet_traffic *traffic = &phase->traffic;
    double messages = (double)phase->messages;

    return (struct fleet_cost){
        .ack_bytes = ratio((double)traffic->news_bytes, messages),
        .ack_frames = ratio((double)traffic->news_frames, messages),
        .header_bytes = ratio((double)traffic->headers[GW_FRAME_DATA], messages),
        .all_bytes = ratio((double)all_bytes(traffic), messages),
        .cpu_us = ratio(phase->cpu_s * 1e6, messages),
        .looks = ratio((double)phase->looks, messages),
    };
}

void fleet_figures_make(const struct fleet_report *report, struct fleet_figures *figures)
{
    const struct fleet_phase *idle = &report->idle;
    double links = (double)report->links, virtual_s = (double)idle->virtual_us / 1e6;
    double heartbeats = (double)idle->virtual_us / (double)report->options.heartbeat_us;

    *figures = (struct fleet_figures){
        .bytes_per_link = 2 * report->memory.per_end,
        .bytes_per_peer = report->memory.per_peer,
        .frames_per_link_s = ratio(ratio((double)all_frames(&idle->traffic), links), virtual_s),
        .bytes_per_link_s = ratio(ratio((double)all_bytes(&idle->traffic), links), virtual_s),
        .frames_per_heartbeat =
            ratio(ratio((double)all_frames(&idle->traffic), links), heartbeats),
        .idle_cpu = ratio(idle->cpu_s, virtual_s),
        .idle_cpu_per_link_us = ratio(ratio(idle->cpu_s, virtual_s), links) * 1e6,
        .hub_cpu = ratio(idle->hub_cpu_s, virtual_s),
        .hub_cpu_per_link_us =
            ratio(ratio(idle->hub_cpu_s, virtual_s), (double)report->hub_links) * 1e6,
        .looks_per_heartbeat = ratio(ratio((double)idle->looks, links), heartbeats),
        .hub_looks_per_heartbeat =
            ratio(ratio((double)idle->hub_looks, (double)report->hub_links), heartbeats),
        .trickle = cost_of(&report->trickle),
        .bulk = cost_of(&report->bulk),
        .links_s = (double)report->recovery.links_us / 1e6,
        .settled_s = (double)report->recovery.settled_us / 1e6,
        .peak_frames_s = (double)report->recovery.peak_frames * 10,
        .peak_per_link_s = ratio((double)report->recovery.peak_frames * 10, links),
        .handshake_bytes_per_link = ratio((double)report->recovery.handshake_bytes, links),
        .restart_cpu_per_link_us = ratio(report->restart.cpu_s, links) * 1e6,
        .restart_hub_cpu_s = report->restart.hub_cpu_s,
    };
}

/* --- words --- */

static void print_memory(const struct fleet_report *report, const struct fleet_figures *figures,
                         FILE *out)
{
    const struct fleet_memory *memory = &report->memory;

    fprintf(out,
            "memory        a link, both ends %.0f bytes; a peer beside its links %.0f bytes%s\n",
            figures->bytes_per_link, figures->bytes_per_peer,
            memory->fits ? "" : " (as opened: all peers have as many links)");
    fprintf(out,
            "              open without a link %" PRIu64 "; peer 0 with its %" PRIu64
            " links %" PRIu64 "\n",
            memory->opened, report->hub_links, memory->hub);
    fprintf(out,
            "              all peers idle %.1f MiB, after all of this %.1f MiB; this process had "
            "%.1f MiB\n",
            (double)memory->all / 1048576, (double)memory->all_used / 1048576,
            (double)memory->resident / 1048576);
}

static void print_idle(const struct fleet_report *report, const struct fleet_figures *figures,
                       FILE *out)
{
    fprintf(out,
            "idle          %.2f frames and %.0f bytes a second for each link (heartbeat %" PRIu64
            " ms)\n",
            figures->frames_per_link_s, figures->bytes_per_link_s,
            report->options.heartbeat_us / 1000);
    fprintf(out,
            "              %.4f s of CPU for a virtual second: %.1f us for each link; peer 0 "
            "%.4f s\n"
            "              %.2f looks for each link and heartbeat; of peer 0 %.2f for each of its "
            "links\n",
            figures->idle_cpu, figures->idle_cpu_per_link_us, figures->hub_cpu,
            figures->looks_per_heartbeat, figures->hub_looks_per_heartbeat);
}

static void print_cost(const char *name, const struct fleet_phase *phase,
                       const struct fleet_cost *cost, FILE *out)
{
    fprintf(out,
            "%-13s %" PRIu64 " messages in %.2f s; for each %.1f bytes of ACK in %.3f frames, "
            "%.1f bytes of header,\n"
            "              %.1f bytes in all, %.2f us of CPU, %.2f looks\n",
            name, phase->messages, (double)phase->virtual_us / 1e6, cost->ack_bytes,
            cost->ack_frames, cost->header_bytes, cost->all_bytes, cost->cpu_us, cost->looks);
}

static void print_recovery(const struct fleet_report *report, const struct fleet_figures *figures,
                           FILE *out)
{
    const struct fleet_recovery *recovery = &report->recovery;

    fprintf(out,
            "restarts      all killed and started within a second; at worst %" PRIu64
            " messages in outboxes,\n"
            "              links back after %.3f s, all settled after %.3f s from the last start\n",
            recovery->pending, figures->links_s, figures->settled_s);
    fprintf(out,
            "              at most %.0f frames a second; the handshakes are %" PRIu64
            " frames of %" PRIu64 " bytes\n"
            "              %.2f s of CPU, of which peer 0 %.3f s\n",
            figures->peak_frames_s, recovery->handshake_frames, recovery->handshake_bytes,
            report->restart.cpu_s, figures->restart_hub_cpu_s);
}

void fleet_print(const struct fleet_report *report, FILE *out)
{
    struct fleet_figures figures;

    fprintf(out, "%s of %u peers, %" PRIu64 " links, seed %" PRIu64 "\n",
            fleet_shape_name(report->options.shape), report->options.peers, report->links,
            report->options.seed);
    if (report->failed) {
        fprintf(out, "failed: %s\n", report->failure);
        return;
    }
    fleet_figures_make(report, &figures);
    print_memory(report, &figures, out);
    print_idle(report, &figures, out);
    print_cost("trickle", &report->trickle, &figures.trickle, out);
    print_cost("bulk", &report->bulk, &figures.bulk, out);
    print_recovery(report, &figures, out);
    fprintf(out, "%.1f s of virtual time in %.1f s\n",
            (double)(report->linking.virtual_us + report->idle.virtual_us +
                     report->trickle.virtual_us + report->bulk.virtual_us +
                     report->restart.virtual_us) / 1e6,
            report->real_s);
    fprintf(out, "accepted %" PRIu64 ", lost %" PRIu64 ", repeated %" PRIu64 "\n",
            report->accepted, report->lost, report->repeated);
}

/* --- JSON --- */

static void json_cost(const char *name, const struct fleet_phase *phase,
                      const struct fleet_cost *cost, FILE *out)
{
    fprintf(out,
            ",\"%s\":{\"messages\":%" PRIu64 ",\"virtual_s\":%.6f,\"ack_bytes_per_message\":%.3f,"
            "\"ack_frames_per_message\":%.4f,\"header_bytes_per_message\":%.3f,"
            "\"bytes_per_message\":%.3f,\"cpu_us_per_message\":%.3f,"
            "\"looks_per_message\":%.3f}",
            name, phase->messages, (double)phase->virtual_us / 1e6, cost->ack_bytes,
            cost->ack_frames, cost->header_bytes, cost->all_bytes, cost->cpu_us, cost->looks);
}

static void json_memory(const struct fleet_report *report, const struct fleet_figures *figures,
                        FILE *out)
{
    const struct fleet_memory *memory = &report->memory;

    fprintf(out,
            ",\"memory\":{\"bytes_per_link\":%.1f,\"bytes_per_peer\":%.1f,\"split\":%s,"
            "\"bytes_opened\":%" PRIu64 ",\"hub_bytes\":%" PRIu64 ",\"all_bytes\":%" PRIu64
            ",\"all_bytes_used\":%" PRIu64 ",\"resident_bytes\":%" PRIu64 "}",
            figures->bytes_per_link, figures->bytes_per_peer, memory->fits ? "true" : "false",
            memory->opened, memory->hub, memory->all, memory->all_used, memory->resident);
}

static void json_idle(const struct fleet_figures *figures, FILE *out)
{
    fprintf(out,
            ",\"idle\":{\"frames_per_link_per_s\":%.4f,\"frames_per_link_per_heartbeat\":%.4f,"
            "\"bytes_per_link_per_s\":%.2f,\"cpu_s_per_virtual_s\":%.6f,"
            "\"cpu_us_per_link_per_virtual_s\":%.3f,\"hub_cpu_s_per_virtual_s\":%.6f,"
            "\"looks_per_link_per_heartbeat\":%.4f,\"hub_looks_per_link_per_heartbeat\":%.4f}",
            figures->frames_per_link_s, figures->frames_per_heartbeat, figures->bytes_per_link_s,
            figures->idle_cpu, figures->idle_cpu_per_link_us, figures->hub_cpu,
            figures->looks_per_heartbeat, figures->hub_looks_per_heartbeat);
}

static void json_recovery(const struct fleet_report *report, const struct fleet_figures *figures,
                          FILE *out)
{
    const struct fleet_recovery *recovery = &report->recovery;

    fprintf(out,
            ",\"restart\":{\"pending\":%" PRIu64 ",\"links_s\":%.3f,\"settled_s\":%.3f,"
            "\"peak_frames_per_s\":%.0f,\"handshake_frames\":%" PRIu64
            ",\"handshake_bytes\":%" PRIu64 ",\"cpu_s\":%.3f,\"hub_cpu_s\":%.4f}",
            recovery->pending, figures->links_s, figures->settled_s, figures->peak_frames_s,
            recovery->handshake_frames, recovery->handshake_bytes, report->restart.cpu_s,
            figures->restart_hub_cpu_s);
}

void fleet_print_json(const struct fleet_report *report, FILE *out)
{
    struct fleet_figures figures;

    fleet_figures_make(report, &figures);
    fprintf(out,
            "{\"shape\":\"%s\",\"peers\":%u,\"links\":%" PRIu64 ",\"seed\":%" PRIu64
            ",\"heartbeat_ms\":%" PRIu64,
            fleet_shape_name(report->options.shape), report->options.peers, report->links,
            report->options.seed, report->options.heartbeat_us / 1000);
    if (report->failed) {
        fprintf(out, ",\"failed\":\"%s\"}\n", report->failure);
        return;
    }
    json_memory(report, &figures, out);
    json_idle(&figures, out);
    json_cost("trickle", &report->trickle, &figures.trickle, out);
    json_cost("bulk", &report->bulk, &figures.bulk, out);
    json_recovery(report, &figures, out);
    fprintf(out, ",\"accepted\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"repeated\":%" PRIu64
                 ",\"real_s\":%.2f}\n",
            report->accepted, report->lost, report->repeated, report->real_s);
}
