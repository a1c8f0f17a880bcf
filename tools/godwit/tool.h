/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_TOOL_H
#define GODWIT_TOOL_H

/* Tools are programs of their own, godwit-NAME: in libexec/godwit beside the folder of this program
 * (installed), or in its own folder (build tree). The folder is that of the running file, so a tree
 * that was moved still works. */

#include <stdbool.h>

/* Becomes the tool `name`. `argv` holds the arguments for it from argv[1] on, NULL at the end;
 * argv[0] is set here. Returns only if that failed, after a sentence. */
void tool_run(const char *name, char **argv);

#endif
