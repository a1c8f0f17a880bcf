/* SPDX-License-Identifier: MPL-2.0 */

/* Error names, codes and each thread's last sentence. */

#include "peer/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char sentence[GW_SENTENCE_SIZE];

const char *godwit_version(void)
{
    return GODWIT_VERSION_STRING;
}

const char *godwit_last_error(void)
{
    return sentence;
}

godwit_err_t godwit_set_last_error(godwit_err_t error, const char *text)
{
    return gw_error(error, "%s", text ? text : godwit_error_name(error));
}

const char *godwit_error_name(godwit_err_t error)
{
    switch (error) {
    case GODWIT_OK: return "GODWIT_OK";
    case GODWIT_EINVAL: return "GODWIT_EINVAL";
    case GODWIT_ENOMEM: return "GODWIT_ENOMEM";
    case GODWIT_ETIMEDOUT: return "GODWIT_ETIMEDOUT";
    case GODWIT_ECLOSED: return "GODWIT_ECLOSED";
    case GODWIT_EFULL: return "GODWIT_EFULL";
    case GODWIT_ETOOLARGE: return "GODWIT_ETOOLARGE";
    case GODWIT_ESTALE: return "GODWIT_ESTALE";
    case GODWIT_ECONFLICT: return "GODWIT_ECONFLICT";
    case GODWIT_ENOTFOUND: return "GODWIT_ENOTFOUND";
    case GODWIT_EBUSY: return "GODWIT_EBUSY";
    case GODWIT_EFOREIGN: return "GODWIT_EFOREIGN";
    case GODWIT_EVERSION: return "GODWIT_EVERSION";
    case GODWIT_ECORRUPT: return "GODWIT_ECORRUPT";
    case GODWIT_EIO: return "GODWIT_EIO";
    case GODWIT_ENOTSTORED: return "GODWIT_ENOTSTORED";
    case GODWIT_EFORK: return "GODWIT_EFORK";
    case GODWIT_EDEAD: return "GODWIT_EDEAD";
    case GODWIT_EWITHDRAWN: return "GODWIT_EWITHDRAWN";
    case GODWIT_ENOSERVICE: return "GODWIT_ENOSERVICE";
    case GODWIT_EREMOTE: return "GODWIT_EREMOTE";
    }
    return "GODWIT_E?";
}

godwit_err_t gw_error(godwit_err_t error, const char *format, ...)
{
    va_list arguments;
    char text[GW_SENTENCE_SIZE]; /* an argument may be the last sentence itself */

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(sentence, sizeof sentence, "%s", text);
    return error;
}

godwit_err_t gw_error_memory(void)
{
    return gw_error(GODWIT_ENOMEM, "out of memory");
}

godwit_err_t gw_error_closed(void)
{
    return gw_error(GODWIT_ECLOSED, "the peer was closed");
}

godwit_err_t gw_error_fork(void)
{
    return gw_error(GODWIT_EFORK, "this process is a fork of the one that opened the peer: "
                                 "open a peer of its own after fork");
}

godwit_err_t gw_error_reopening(void)
{
    return gw_error(GODWIT_EBUSY, "the store failed and is being reopened: try again");
}

godwit_err_t gw_error_of_store(enum gw_store_error error)
{
    switch (error) {
    case GW_STORE_OK: return GODWIT_OK;
    case GW_STORE_NOT_FOUND: return GODWIT_ENOTFOUND;
    case GW_STORE_NOMEM: return GODWIT_ENOMEM;
    case GW_STORE_LOST:
    case GW_STORE_CORRUPT: return GODWIT_ECORRUPT;
    case GW_STORE_BUSY: return GODWIT_EBUSY;
    case GW_STORE_FOREIGN: return GODWIT_EFOREIGN;
    case GW_STORE_VERSION: return GODWIT_EVERSION;
    case GW_STORE_IO:
    case GW_STORE_POISONED: break;
    }
    return GODWIT_EIO;
}

godwit_err_t gw_error_of_errno(int error)
{
    switch (error) {
    case 0: return GODWIT_OK;
    case -EINVAL: return GODWIT_EINVAL;
    case -ENOMEM: return GODWIT_ENOMEM;
    default: return GODWIT_EIO;
    }
}
