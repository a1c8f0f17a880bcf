#!/usr/bin/env bash
# faults_table.sh ROOT: docs/faults.md names for each fault the scenarios that say they cover it, no
# other ones, and counts its rows right.
set -euo pipefail
cd "$1"
table=docs/faults.md

covers() { # "ID scenario", from the scenarios
    for file in tools/lab/scenarios/*.zpl; do
        for id in $(sed -n 's/^covers = //p' "$file"); do
            echo "$id $(basename "$file" .zpl)"
        done
    done | sort
}
tells() { # the same, from the table
    awk -F'|' '/^\| [A-Z][0-9][0-9] / {
        split($5, names, ",")
        gsub(/ /, "", $2)
        for (i in names) { gsub(/[` ]/, "", names[i]); if (names[i]) print $2, names[i] }
    }' "$table" | sort
}
diff <(covers) <(tells) || {
    echo "$table: < is said by a scenario alone, > by the table alone" >&2
    exit 1
}
run=$(awk -F'|' '/^\| [A-Z][0-9][0-9] / && ($4 !~ /^ *$/ || $5 !~ /^ *$/)' "$table" | wc -l)
all=$(grep -cE '^\| [A-Z][0-9]{2} ' "$table")
grep -q "^$run of the $all are run" "$table" || {
    echo "$table: $run of $all rows are run by sim or lab; its text says otherwise" >&2
    exit 1
}
echo "$run of $all"
