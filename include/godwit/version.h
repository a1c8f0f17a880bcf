/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_VERSION_H
#define GODWIT_VERSION_H

#define GODWIT_VERSION_MAJOR 0
#define GODWIT_VERSION_MINOR 1
#define GODWIT_VERSION_PATCH 0
#define GODWIT_VERSION_STRING "0.1.0"
/* For comparisons: GODWIT_VERSION >= GODWIT_MAKE_VERSION(0, 2, 0) */
#define GODWIT_MAKE_VERSION(major, minor, patch) ((major) * 10000 + (minor) * 100 + (patch))
#define GODWIT_VERSION \
    GODWIT_MAKE_VERSION(GODWIT_VERSION_MAJOR, GODWIT_VERSION_MINOR, GODWIT_VERSION_PATCH)

/* What the GODWIT_..._INIT initialisers are made of: all zero but the size. C++ has designated
 * initialisers only since C++20, hence a function there. */
#ifdef __cplusplus
extern "C++" { /* also where a user includes this in extern "C" */
template <typename type> inline type godwit_sized()
{
    type value = type();
    value.size = sizeof(type);
    return value;
}
}
#define GODWIT_SIZED(type) (godwit_sized<type>())
#else
#define GODWIT_SIZED(type) {.size = sizeof(type)}
#endif

#if defined(__GNUC__)
#define GODWIT_EXPORT __attribute__((visibility("default")))
#else
#define GODWIT_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is running, which may differ from the header's. Static text. */
GODWIT_EXPORT const char *godwit_version(void);

#ifdef __cplusplus
}
#endif
#endif
