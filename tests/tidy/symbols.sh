#!/usr/bin/env bash
# symbols.sh ALLOWED LIBRARY [LOWER_LIBRARY ...]: what LIBRARY leaves undefined must be defined in
# it, in one of the libraries of the layers below, or match a line of the file ALLOWED (a regular
# expression for the whole name; # starts a comment). So a pure layer cannot call the system.
set -u
. "$(dirname "$0")/lib.sh"
allowed=$1 library=$2
shift

names() { # names NM-FLAG LIBRARY ...
    "${NM:-nm}" "$@" 2>/dev/null | awk 'NF >= 2 && $1 !~ /:$/ {print $NF}' | LC_ALL=C sort -u
}

"${NM:-nm}" "$library" >/dev/null 2>&1 || complain "$library: cannot be read"
patterns=$(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$allowed")
while IFS= read -r symbol; do
    complain "$(basename "$library"): calls $symbol, which $(basename "$allowed") does not list"
done < <(LC_ALL=C comm -23 <(names -u "$library") <(names --defined-only "$@") |
    grep -vxE -e "$patterns")
finish
