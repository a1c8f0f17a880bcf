/* SPDX-License-Identifier: MPL-2.0 */
#ifndef SHIM_PARTS_H
#define SHIM_PARTS_H

/* Plays the part of that name in the directory: the status, 0 if all went as it must. Where
 * it did not is written to stderr. */
int shim_part(const char *name, const char *directory);

#endif
