#!/usr/bin/env bash
# bench.sh GODWIT: what cannot be measured is refused, a small run gives numbers that parse, and
# nothing is left behind. No rate is ever judged here.
set -u
. "$(dirname "$0")/lib.sh"
godwit=$1
export TMPDIR=$work/scratch
mkdir "$TMPDIR"

refused() { # refused SENTENCE ARGUMENT ...
    local sentence=$1
    shift
    run 2 "$godwit" bench "$@"
    says err "$sentence"
    quiet out
}
refused "--size must be a whole number from 1 to 1048576, not '0'" --size 0
refused "--size must be" --size 1048577
refused "--size must be" --size 12x
refused "--size must be" --size ''
refused "--count must be" --count 0
refused "--count must be" --count -5
refused "--count must be" --count 99999999999999999999999
refused "--runs must be" --runs 1001
refused "--timeout must be" --timeout 0.5
refused "knows memory, os and fsync, not 'tape'" --durability os,tape
refused "knows memory, os and fsync, not ''" --durability os,
refused "has 'os' twice" --durability os,fsync,os
refused "knows raw and none, not 'redis'" --against redis
refused "'reindeer' is no work that can be measured" reindeer
refused "'stage' is too much" stage stage
refused "'stage' is too much" backlog stage
refused "unrecognized option" --fast
run 1 env TMPDIR="$work/nowhere" "$godwit" bench --count 10
says err "set TMPDIR"
[ -z "$(ls -A "$TMPDIR")" ] || complain "a refusal leaves something in TMPDIR"

run 0 "$godwit" bench --help
says out "usage: godwit bench"

number='-?[0-9]+(\.[0-9]+)?'
run 0 "$godwit" bench stage --size 100 --count 2000 --durability memory,os,fsync --runs 2 --json
[ "$(wc -l <"$work/out")" = 1 ] || complain "is not one line"
grep -qE '^\{"rows":\[\{.*\}\]\}$' "$work/out" || complain "is not an object with rows"
for level in memory os fsync; do
    says out "\"work\":\"stage\",\"size\":100,\"durability\":\"$level\",\"count\":2000,\"runs\":2,"
done
tr '{' '\n' <"$work/out" | grep '"work"' >"$work/rows"
[ "$(wc -l <"$work/rows")" = 3 ] || complain "has not 3 rows"
for name in rate rate_min rate_max raw_rate ratio_raw cpu_s_per_million raw_cpu_s_per_million \
    sender_peak_kib receiver_peak_kib; do
    [ "$(grep -cE "\"$name\":$number[,}]" "$work/rows")" = 3 ] ||
        complain "$name is not a number in each row"
done
! grep -qiE 'nan|inf' "$work/out" || complain "has what is no number"
[ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"

run 0 "$godwit" bench --count 500 --durability os --runs 1 --against none
says out "stage os"
! grep -q '^raw' "$work/out" || complain "measures raw though told not to"

run 0 "$godwit" bench backlog --count 3000 --durability memory,os,fsync --json
[ "$(wc -l <"$work/out")" = 1 ] || complain "is not one line"
grep -qE '^\{"rows":\[\{.*\}\]\}$' "$work/out" || complain "is not an object with rows"
tr '{' '\n' <"$work/out" | grep '"work":"backlog"' >"$work/rows"
[ "$(wc -l <"$work/rows")" = 3 ] || complain "has not 3 rows"
for name in fill_s drain_s cpu_s fill_peak_kib filled_kib drain_sender_peak_kib \
    drain_receiver_peak_kib; do
    [ "$(grep -cE "\"$name\":$number[,}]" "$work/rows")" = 3 ] ||
        complain "$name is not a number in each row"
done
[ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"
run 0 "$godwit" bench backlog --count 500 --durability os --runs 2
[ "$(grep -c '^os ' "$work/out")" = 2 ] || complain "has not a line for each round"

run 1 "$godwit" bench --count 100000000 --size 10 --timeout 1 --durability os --against none
says err "takes too long: see --timeout"
[ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"

# Killed in the middle, its processes and directories go too.
echo "$TMPDIR/" >"$work/path"
gone() { # gone: within ten seconds, no process of its and no directory is there
    local i
    for ((i = 0; i < 100; i++)); do
        [ -z "$(ls -A "$TMPDIR")" ] && ! grep -qsaFf "$work/path" /proc/[0-9]*/cmdline && return
        sleep 0.1
    done
    complain "leaves processes or directories"
}
for signal in TERM KILL; do
    "$godwit" bench --count 100000000 --size 10 --durability os --runs 1 --against none \
        >"$work/out" 2>"$work/err" &
    pid=$!
    what="bench, killed by $signal"
    for ((i = 0; i < 100; i++)); do
        compgen -G "$TMPDIR/*/producer" >/dev/null && break
        sleep 0.1
    done
    kill -s $signal $pid
    wait $pid 2>/dev/null
    status=$?
    [ $signal = KILL ] || [ $status = 1 ] || complain "ended with $status, not 1"
    gone
done
finish
