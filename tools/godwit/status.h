/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_STATUS_VIEW_H
#define GODWIT_STATUS_VIEW_H

#include <stdio.h>

/* An answer to `status`, for people. */
void status_print(const char *answer, FILE *to);

#endif
