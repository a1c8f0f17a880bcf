#!/usr/bin/env bash
# performance.sh ROOT GODWIT: script/performance: it refuses what it cannot do, its table says of
# figures that are given whether they meet bar and aim, and each command of its list is one that
# the bench takes.
set -u
. "$(dirname "$0")/lib.sh"
script=$1/script/performance godwit=$2

run 2 "$script" --fast
says err "'--fast' is no option"
run 2 "$script" stage colour
says err "'colour' is no measurement; there are: stage "
run 2 "$script" --out
says err "--out wants a value"
run 1 "$script" --godwit "$work/none" --out "$work/results"
says err "build it first"
[ ! -e "$work/results" ] || complain "makes a directory though it refuses"

# Figures that are there are not measured again.
mkdir "$work/results"
results() { # results NAME ROW ...: what was measured, a line of JSON
    local name=$1 rows
    shift
    rows=$(printf ',{%s}' "$@")
    echo "{\"rows\":[${rows#,}]}" >"$work/results/$name.json"
}
os='"ratio_raw":1.2,"ratio_raw_min":1.1,"ratio_raw_max":1.3'
os+=',"ratio_cpu_raw":0.7,"wire_per_byte":1.2'
fsync='"ratio_raw":0.59,"ratio_raw_min":0.5,"ratio_raw_max":0.7'
results stage '"durability":"","system":"raw","ratio_raw":9' \
    '"durability":"os","system":"godwit",'"$os" '"durability":"fsync","system":"godwit",'"$fsync"
results links '"system":"raw","shape":"many","ratio_one":1' \
    '"system":"godwit","shape":"many","kib_per_link":30.5,"kib_per_raw_link":27.25,"ratio_one":0.9'
run 0 "$script" --godwit "$godwit" --out "$work/results" stage links
says err "stage: measured before"
line() { # line TEXT: it is a whole line of the table
    grep -qxF -- "$1" "$work/out" || complain "has no line '$1'"
}
line '| stage, 100 B, `os`: rate / raw | 1.0 | 1.5 | 1.20 (1.10-1.30) | bar |'
line '| the same, `fsync` | 0.6 | 1.0 | 0.59 (0.50-0.70) | no |'
line '| CPU s per million, 100 B, `os` / raw | 1.2 | 0.8 | 0.70 | aim |'
line '| TCP payload both ways / payload, 100 B | 1.10 | 1.03 | 1.20 | no |'
line '| bytes to disk / payload, 100 B | 3 | 2.1 | not measured | |'
line '| rate over 1,000 links, one peer to each of 1,000 / over 1 | 0.5 | 0.9 | 0.90 | aim |'
line '| memory of an idle link above raw, KiB | 8 | 2 | 3.25 | bar |'
[ "$(grep -c '^| ' "$work/out")" = 10 ] || complain "has lines of what was not asked for"

# Each command, made small, gives what its rows are looked up in.
run 0 "$script" --list
cp "$work/out" "$work/list"
while read -r _ _ _ command; do
    read -r -a words <<<"$command"
    run 0 "$godwit" bench "${words[@]}" --count 20 --runs 1 --timeout 60 --json
done < <(grep -E 'godwit bench (stage|request|fanout)' "$work/list")
finish
