#!/usr/bin/env bash
# exports.sh LIBRARY: a shared library that shows godwit_ names and no other.
set -u
. "$(dirname "$0")/lib.sh"
library=$1

shown=$("${NM:-nm}" -D --defined-only "$library" | awk '{print $NF}')
[ -n "$shown" ] || complain "$library: exports nothing"
while IFS= read -r symbol; do
    complain "$(basename "$library"): exports $symbol"
done < <(printf '%s\n' "$shown" | grep -v '^godwit_' | grep -v '^$')
finish
