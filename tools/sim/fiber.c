/* SPDX-License-Identifier: MPL-2.0 */

/* Coroutines on ucontext, with the sanitizers' annotations; faults and loops are caught by signals
 * on a stack of their own. */

#include "fiber.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifdef ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#define SIGNAL_STACK (64u << 10)

struct sim_fiber {
    ucontext_t context;
    struct sim_fiber *next; /* of those whose stacks are free */
    uint8_t *stack;         /* without the guards */
    void (*run)(void *context);
    void *argument;
    void *fake; /* AddressSanitizer's */
};

static struct {
    ucontext_t main;
    struct sim_fiber *current;
    struct sim_fiber *free;
    size_t count;
    enum sim_fiber_state state; /* of the one that came back */
    int signal;
    uint64_t resumes; /* the watchdog compares */
    uint64_t seen;
    unsigned patience_s;
    bool watching;
    const void *main_stack;
    size_t main_size;
} scheduler;

/* --- what AddressSanitizer must know --- */

/* What is left on the stack of a fiber that is dropped is no leak of this program. */
static void enter(struct sim_fiber *fiber, void **fake)
{
#ifdef ADDRESS_SANITIZER
    __lsan_disable();
    __sanitizer_start_switch_fiber(fake, fiber->stack, SIM_FIBER_STACK);
#else
    (void)fiber, (void)fake;
#endif
}

static void entered_main(void *fake)
{
#ifdef ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
    __lsan_enable();
#else
    (void)fake;
#endif
}

static void leave(struct sim_fiber *fiber, bool for_good)
{
#ifdef ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(for_good ? NULL : &fiber->fake, scheduler.main_stack,
                                   scheduler.main_size);
#else
    (void)fiber, (void)for_good;
#endif
}

static void entered_fiber(struct sim_fiber *fiber)
{
#ifdef ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(fiber->fake, &scheduler.main_stack, &scheduler.main_size);
#else
    (void)fiber;
#endif
}

/* --- signals --- */

static bool in_guard(const struct sim_fiber *fiber, const void *address)
{
    const uint8_t *at = address;
    long page = sysconf(_SC_PAGESIZE);

    return at >= fiber->stack - page && at < fiber->stack;
}

/* On the signal stack. The fiber is left where it is, for ever. */
static void give_up(enum sim_fiber_state state, int number)
{
    scheduler.state = state;
    scheduler.signal = number;
    leave(scheduler.current, true);
    setcontext(&scheduler.main);
    _exit(3); /* it does not return */
}

static void fault(int number, siginfo_t *info, void *unused)
{
    (void)unused;
    if (!scheduler.current) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    bool full = number == SIGSEGV && in_guard(scheduler.current, info->si_addr);
    give_up(full ? SIM_FIBER_OVERFLOW : SIM_FIBER_FAULTED, number);
}

/* Once a second. */
static void tick(int number)
{
    if (!scheduler.current || scheduler.seen != scheduler.resumes) {
        scheduler.seen = scheduler.resumes;
        scheduler.patience_s = SIM_FIBER_PATIENCE_S;
    } else if (--scheduler.patience_s == 0) {
        scheduler.patience_s = SIM_FIBER_PATIENCE_S;
        give_up(SIM_FIBER_STUCK, number);
    }
}

static void watch_faults(void)
{
#ifndef ADDRESS_SANITIZER
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigaction(faults[i], &action, NULL);
#else
    (void)fault;
#endif
}

/* In this process, at its first fiber: a fork has neither the timer nor the stack. */
static void watch(void)
{
    static pid_t watching;
    static uint8_t stack[SIGNAL_STACK];
    const struct itimerval second = {{1, 0}, {1, 0}};
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_ONSTACK | SA_RESTART};

    if (watching == getpid())
        return;
    watching = getpid();
    scheduler.patience_s = SIM_FIBER_PATIENCE_S;
#ifndef ADDRESS_SANITIZER /* which has one */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
#else
    (void)stack;
#endif
    watch_faults();
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &second, NULL);
}

/* --- fibers --- */

static struct sim_fiber *make(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *at = mmap(NULL, SIM_FIBER_STACK + 2 * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct sim_fiber *fiber = calloc(1, sizeof *fiber);

    if (at == MAP_FAILED || !fiber ||
        mprotect(at + page, SIM_FIBER_STACK, PROT_READ | PROT_WRITE) != 0)
        abort();
    fiber->stack = at + page;
    return fiber;
}

static void begin(void)
{
    struct sim_fiber *fiber = scheduler.current;

    entered_fiber(fiber);
    fiber->run(fiber->argument);
    scheduler.state = SIM_FIBER_ENDED;
    leave(fiber, true);
    setcontext(&scheduler.main);
}

/* For the compiler, getcontext may return twice; nothing is kept over it here. */
static __attribute__((noinline)) void prepare(ucontext_t *context, uint8_t *stack)
{
    context->uc_link = NULL;
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = SIM_FIBER_STACK;
    makecontext(context, begin, 0);
}

struct sim_fiber *sim_fiber_new(void (*run)(void *context), void *context)
{
    struct sim_fiber *fiber = scheduler.free;

    watch();
    if (fiber)
        scheduler.free = fiber->next;
    else if (scheduler.count == SIM_FIBERS_MAX)
        return NULL;
    else if ((fiber = make()) != NULL)
        scheduler.count++;
    fiber->run = run;
    fiber->argument = context;
    fiber->fake = NULL;
#ifdef ADDRESS_SANITIZER
    __asan_unpoison_memory_region(fiber->stack, SIM_FIBER_STACK); /* of one that was dropped */
#endif
    prepare(&fiber->context, fiber->stack);
    return fiber;
}

enum sim_fiber_state sim_fiber_resume(struct sim_fiber *fiber)
{
    void *fake = NULL;

    if (scheduler.current)
        abort();
    scheduler.resumes++;
    scheduler.state = SIM_FIBER_YIELDED;
    scheduler.current = fiber;
    enter(fiber, &fake);
    swapcontext(&scheduler.main, &fiber->context);
    entered_main(fake);
    scheduler.current = NULL;
    enum sim_fiber_state state = scheduler.state;
    if (state != SIM_FIBER_YIELDED)
        sim_fiber_drop(&fiber);
    return state;
}

void sim_fiber_yield(void)
{
    struct sim_fiber *fiber = scheduler.current;

    leave(fiber, false);
    swapcontext(&fiber->context, &scheduler.main);
    entered_fiber(fiber);
}

void sim_fiber_drop(struct sim_fiber **fiber)
{
    if (!*fiber)
        return;
    (*fiber)->next = scheduler.free;
    scheduler.free = *fiber;
    *fiber = NULL;
}

bool sim_fiber_running(void)
{
    return scheduler.current != NULL;
}

int sim_fiber_signal(void)
{
    return scheduler.signal;
}

void sim_fiber_gives(void)
{
#ifdef ADDRESS_SANITIZER
    __lsan_disable();
#endif
}

void sim_fiber_given(void)
{
#ifdef ADDRESS_SANITIZER
    __lsan_enable();
#endif
}
