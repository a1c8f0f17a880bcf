#!/usr/bin/env bash
# names.sh TREE: the pages for users name only what there is: functions, types, errors and options
# of the headers, counters, and files of the tree in their links.
set -u
cd "$1" || exit 1
bad=0
known=$(cat include/godwit.h include/godwit/*.h src/core/counters.h docs/counters.md \
    docs/internals/control.md cmake/*.cmake)

for page in README.md patterns/README.md docs/guide.md docs/semantics.md docs/comparison.md; do
    [ "$(wc -c <"$page")" -gt 500 ] || {
        echo "$page: is not there"
        bad=$((bad + 1))
    }
    # what is called in the text, and what stands in `quotes` and has the form of a name
    names=$(grep -oE '\b(godwit|GODWIT)_[a-zA-Z_]+[a-zA-Z]' "$page"
        [ "$page" = docs/comparison.md ] || # which quotes names of others too
            sed '/^```/,/^```/d' "$page" | grep -oE '`[a-z]+(_[a-z]+)+`' | tr -d '`')
    for name in $(sort -u <<<"$names"); do
        grep -qE "\b$name" <<<"$known" || {
            echo "$page: there is no $name"
            bad=$((bad + 1))
        }
    done
    for link in $(grep -oE '\]\([^)#]+' "$page" | cut -c 3- | grep -v '^https\?:'); do
        [ -e "$(dirname "$page")/$link" ] || {
            echo "$page: there is no $link"
            bad=$((bad + 1))
        }
    done
done
[ "$bad" = 0 ]
