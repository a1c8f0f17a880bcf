#!/usr/bin/env bash
# run.sh PROGRAM SOURCE: runs an example and holds all that it prints, errors too, against the
# comment `/* Prints:` at the end of its source.
set -u
expected=$(sed -n '/^\/\* Prints:$/,/^ \*\/$/{/^\/\* Prints:$/d;/^ \*\/$/d;s/^ \*   //;p}' "$2")
[ -n "$expected" ] || {
    echo "run.sh: $2 does not say what it prints" >&2
    exit 1
}
actual=$("$1" 2>&1)
status=$?
diff <(printf '%s\n' "$expected") <(printf '%s\n' "$actual") || status=1
exit $status
