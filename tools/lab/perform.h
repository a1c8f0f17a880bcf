/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PERFORM_H
#define LAB_PERFORM_H

/* What the commands of godwit lab do with scenarios. Each of them returns an exit status. */

#include "run.h"

#include <stddef.h>

/* The status of wrong use, and of a scenario that cannot be run: nothing was started. */
#define LAB_USAGE 2

struct lab_request {
    const char *word;      /* a file or a name; run, check, show */
    uint64_t seed;         /* 0: not given */
    const char *keep;      /* directory */
    const char *report;    /* file for the HTML */
    const char *json;      /* file, "-": standard output, and nothing else there */
    bool quiet;            /* no timeline */
    bool smoke;            /* all */
    uint64_t minutes;      /* soak */
    char *const *names;    /* soak: of ready scenarios; none: all */
    size_t name_count;
};

int lab_perform_run(const struct lab_request *request);
int lab_perform_check(const struct lab_request *request);
int lab_perform_list(void);
int lab_perform_show(const struct lab_request *request);
int lab_perform_all(const struct lab_request *request);
int lab_perform_soak(const struct lab_request *request);

/* Says where and what is wrong, and how to mend it. */
void lab_perform_complain(const char *path, const struct lab_mistake *mistake);

#endif
