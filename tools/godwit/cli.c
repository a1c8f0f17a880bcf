/* SPDX-License-Identifier: MPL-2.0 */
/* Sentences, numbers and signals of the verbs. */

#include "cli.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

volatile bool stop_asked;

int refuse(const char *verb, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "godwit %s: ", verb);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see `godwit help %s`\n", verb);
    return USAGE;
}

int failed(const char *verb, godwit_err_t error)
{
    fprintf(stderr, "godwit %s: %s\n", verb, godwit_last_error());
    switch (error) {
    case GODWIT_ENOTFOUND: return NOT_FOUND;
    case GODWIT_ETIMEDOUT: return TIMED_OUT;
    case GODWIT_EREMOTE: return REMOTE;
    case GODWIT_ENOSERVICE: return NO_SERVICE;
    default: return FAILED;
    }
}

int option_number(const char *verb, const char *option, const char *text, long least, long most,
                  long *value)
{
    char *end;

    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end || errno || number < least || number > most)
        return refuse(verb, "%s must be a whole number from %ld to %ld, not '%s'", option, least,
                      most, text);
    *value = number;
    return OK;
}

int option_seconds(const char *verb, const char *option, const char *text, int *milliseconds)
{
    char *end;

    if (strcmp(text, "never") == 0) {
        *milliseconds = -1;
        return OK;
    }
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0 && seconds <= 1e6))
        return refuse(verb, "%s must be seconds from 0 to 1000000, or 'never', not '%s'", option,
                      text);
    *milliseconds = (int)(seconds * 1000 + 0.5);
    return OK;
}

static void ask_to_stop(int signal)
{
    (void)signal;
    stop_asked = true;
}

void stop_on_signals(void)
{
    const struct sigaction action = {.sa_handler = ask_to_stop}; /* no SA_RESTART: reads end */

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}
