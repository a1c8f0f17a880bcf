/* SPDX-License-Identifier: MPL-2.0 */
/* Faults on purpose, one for each sanitizer: each must be reported, or a clean run of the other
 * tests means nothing. Usage: planted race|overflow|shift|leak */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;

static void *touch(void *unused)
{
    (void)unused;
    shared++;
    return NULL;
}

static int race(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, touch, NULL) != 0)
            return 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *fault = argc > 1 ? argv[1] : "";
    volatile int amount = 4 + argc * 30; /* beyond any array here, and beyond the bits of an int */
    if (strcmp(fault, "race") == 0)
        return race();
    if (strcmp(fault, "overflow") == 0) {
        char *volatile bytes = calloc(4, 1);
        int read = bytes[amount];
        free(bytes);
        return read;
    }
    if (strcmp(fault, "shift") == 0)
        return 1 << amount;
    if (strcmp(fault, "leak") == 0) {
        char *volatile lost = malloc(10);
        lost = NULL;
        return lost != NULL;
    }
    fprintf(stderr, "usage: planted race|overflow|shift|leak\n");
    return 2;
}
