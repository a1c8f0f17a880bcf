#!/usr/bin/env bash
# style.sh ROOT: the rules of form that a machine can hold.
#
#   C, CMake and scripts: no line over 100 columns; C: no tabs, an SPDX comment in the first line,
#   no file over 600 lines without a reason (`/* Length: ...` within its first 20 lines)
#   all text: no trailing blanks, a newline at the end, no path of one machine
set -u
. "$(dirname "$0")/lib.sh"
cd "$1" || exit 1
export LC_ALL=C.UTF-8

report() { # report WHAT GREP-ARGUMENT ...: complains about each line that grep finds
    local what=$1 file number
    shift
    while IFS=: read -r file number _; do
        complain "$file:$number: $what"
    done < <(grep -HnI "$@" 2>/dev/null)
}

mapfile -t all < <(project_files . | grep -vE '^LICENSE$')
mapfile -t c < <(printf '%s\n' "${all[@]}" | grep -E '\.[ch]$')
mapfile -t code < <(printf '%s\n' "${all[@]}" |
    grep -E '\.([ch]|cmake|sh|py)$|(^|/)CMakeLists\.txt$|^(script|\.ci)/[^.]+$')
[ ${#all[@]} -gt 0 ] || complain "no files found"

report 'over 100 columns' -E '.{101,}' -- "${code[@]}"
report 'tab' -P '\t' -- "${c[@]}"
report 'trailing blank' -E '[[:blank:]]$' -- "${all[@]}"
report 'a path of one machine' \
    -E '(^|[^[:alnum:]_.})*-])/(work|home|root)($|[^[:alnum:]_-])' -- "${all[@]}"

for file in "${c[@]}"; do
    [ -n "$file" ] || continue
    IFS= read -r first <"$file"
    [[ $first == '/* SPDX-License-Identifier: MPL-2.0'* ]] ||
        complain "$file:1: does not start with an SPDX comment (MPL-2.0)"
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 600 ] && ! head -n 20 "$file" | grep -q '/\* Length:'; then
        complain "$file:1: $lines lines and no reason (/* Length: ...)"
    fi
done
for file in "${all[@]}"; do
    if [ -s "$file" ] && grep -Iq . "$file" && [ -n "$(tail -c 1 "$file")" ]; then
        complain "$file: no newline at the end"
    fi
done
finish
