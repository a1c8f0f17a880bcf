/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_GUARD_H
#define LAB_GUARD_H

/* Runs a piece of work in a child process, and sees to it that nothing of it is left behind even if
 * one of the two is killed with SIGKILL: the one adopts and ends what the other had started.
 *
 *     this process (its caller sees it; Ctrl-C reaches it)
 *       the child, in a session of its own: work(), and the processes that it starts
 *
 * If this one dies, the child gets a SIGTERM; if the child dies, its processes become children of
 * this one, which kills them. SIGINT, SIGTERM and SIGHUP are passed on to the child. */

/* The exit status of the child, which is what `work` returned; 2, after a sentence, if the child
 * was killed or could not be made. Standard output is flushed in the child. `scratch` is a
 * directory that both remove at the end, whoever is left; NULL: none. */
int guard_run(int (*work)(void *context), void *context, const char *scratch);

#endif
