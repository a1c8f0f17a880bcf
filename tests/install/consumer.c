/* SPDX-License-Identifier: MPL-2.0 */
/* A user's program: built outside the tree, as C and as C++, against what was installed. */

#include <godwit.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("header %s, library %s\n", GODWIT_VERSION_STRING, godwit_version());
    return strcmp(GODWIT_VERSION_STRING, godwit_version()) != 0;
}
