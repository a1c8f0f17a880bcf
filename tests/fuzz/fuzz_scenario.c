/* SPDX-License-Identifier: MPL-2.0 */

/* Scenarios of the lab, changed a little: whatever is refused has a reason, zconfig and our lines
 * agree on what the file says, and every order that is taken is taken again as it is printed.
 *
 *   libFuzzer:  fuzz_scenario -max_total_time=600 CORPUS_DIR
 *   otherwise:  fuzz_scenario [SEED [ROUNDS]] */

#include "order.h"
#include "random.h"
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t taken, refused;

/* As long as it fits, an order says the same when it is printed and read. */
static void print_and_read(const struct lab_scenario *scenario, const struct lab_order *order)
{
    char text[LAB_ORDER_TEXT], again[LAB_ORDER_TEXT];
    struct lab_mistake mistake = {0};
    struct lab_order read;

    lab_order_text(scenario, order, text);
    if (strlen(text) == sizeof text - 1)
        return;
    REQUIRE(lab_order_read(scenario, text, 1, &read, &mistake));
    REQUIRE(strcmp(lab_order_text(scenario, &read, again), text) == 0);
    REQUIRE(read.whom_count == order->whom_count && read.amount == order->amount);
}

static void look(const struct lab_scenario *scenario)
{
    REQUIRE(scenario->process_count > 0 && scenario->length_us > 0);
    for (size_t i = 0; i < scenario->process_count; i++)
        REQUIRE(scenario->processes[i].argv[0] &&
                lab_scenario_process(scenario, scenario->processes[i].name) == (int)i);
    for (size_t i = 0; i < scenario->link_count; i++)
        REQUIRE(lab_scenario_link(scenario, scenario->links[i].name) == (int)i);
    for (size_t i = 0; i < scenario->action_count; i++) {
        const struct lab_action *action = &scenario->actions[i];
        REQUIRE(action->at_us + action->order.lasts.high_us <= scenario->length_us);
        REQUIRE(i == 0 || action[-1].at_us <= action->at_us);
        print_and_read(scenario, &action->order);
    }
    for (size_t i = 0; i < scenario->random.count; i++)
        print_and_read(scenario, &scenario->random.orders[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lab_mistake mistake;
    struct lab_scenario *scenario =
        lab_scenario_parse("fuzz.zpl", (const char *)data, size, &mistake);

    if (scenario) {
        taken++;
        REQUIRE(!mistake.what[0]);
        look(scenario);
        lab_scenario_free(&scenario);
        return 0;
    }
    refused++;
    REQUIRE(mistake.what[0] && mistake.line >= 0);
    REQUIRE(strcmp(mistake.what, "zconfig reads the file differently") != 0);
    return 0;
}

static const char *const lines[] = {
    "about = \"something\" # and more\n",
    "seconds = 20\n",
    "settle = 500ms\n",
    "order = yes\n",
    "covers = P01 N03\n",
    "processes\n",
    "    worker = godwit lab-peer work --bind {endpoint} --dir {dir}\n",
    "        disk = 40M\n",
    "        files = 64\n",
    "    other = 'sh -c \"exec true\"' # {{\n",
    "    sender = a {worker} {direct:worker} {seed}\n",
    "        audit = true {dir}\n",
    "actions\n",
    "    1 = kill worker|sender for 1s\n",
    "    1..10/2 = cut sender-*\n",
    "    2.5 = fill worker for 100ms..1s\n",
    "    3 = delay sender-worker 10ms..200ms for 3s\n",
    "    4 = clock worker +10y for 2s\n",
    "    4 = hold sender-worker back for 10us\n",
    "    4 = fail-writes worker ENOSPC for 1s\n",
    "random\n",
    "    every = 2s\n",
    "    until = 10\n",
    "    orders\n",
    "        a = throttle sender-worker 64k for 5s\n",
    "        a = limit-files worker 64 for 5s\n",
};
#define LINES     (sizeof lines / sizeof *lines)
#define TEXT_SIZE 16384

/* Most lines in their order, some left out, some twice. */
static size_t make_text(struct lab_random_state *random, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < LINES; i++) {
        uint64_t times = lab_random_below(random, 100);
        for (uint64_t k = 0; k < (times == 0 ? 0 : times == 1 ? 2 : 1); k++) {
            size_t which = lab_random_below(random, 60) == 0 ? lab_random_below(random, LINES) : i;
            used += (size_t)snprintf(text + used, size - used, "%s", lines[which]);
        }
    }
    return used;
}

/* A few bytes become others, or go, or come twice. */
static size_t change(struct lab_random_state *random, char *text, size_t size)
{
    static const char odd[] = " \t\n=#'\"{}|*.-/0129s\\~\x7f\xff";

    for (uint64_t changes = lab_random_below(random, 4); changes > 0 && size > 1; changes--) {
        size_t at = lab_random_below(random, size);
        switch (lab_random_below(random, 3)) {
        case 0:
            memmove(text + at, text + at + 1, size - at - 1);
            size--;
            break;
        case 1:
            memmove(text + at + 1, text + at, size - at);
            size++;
            break;
        default: text[at] = odd[lab_random_below(random, sizeof odd)]; break; /* also the NUL */
        }
    }
    return size;
}

#ifdef GODWIT_LIBFUZZER

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);

/* Now and then a fresh scenario, else a change of what there is. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    struct lab_random_state random = {seed};
    static char text[TEXT_SIZE];

    if (size > 2 && lab_random_below(&random, 20) > 0)
        return LLVMFuzzerMutate(data, size, capacity);
    size = change(&random, text, make_text(&random, text, sizeof text - 8));
    if (size > capacity)
        size = capacity;
    memcpy(data, text, size);
    return size;
}

#else

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
    struct lab_random_state random = {argc > 1 ? strtoull(argv[1], NULL, 10) : 1};
    static char text[TEXT_SIZE];

    for (uint64_t i = 0; i < rounds; i++) {
        size_t size = change(&random, text, make_text(&random, text, sizeof text - 8));
        LLVMFuzzerTestOneInput((const uint8_t *)text, size);
    }
    printf("%llu scenarios taken, %llu refused\n", (unsigned long long)taken,
           (unsigned long long)refused);
    return taken > rounds / 20 && refused > rounds / 20 ? 0 : 1;
}

#endif
