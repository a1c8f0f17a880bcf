/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_MEMORY_H
#define GODWIT_BENCH_MEMORY_H

/* Anonymous and shared memory of this process now, in KiB; -1 after a sentence. */
long memory_kib(void);
/* Samples, and raises *peak to what was found. */
void memory_sample(long *peak);

#endif
