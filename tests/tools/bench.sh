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
refused "--size must be a whole number from 1 to 16777216, not '0'" --size 0
refused "--size must be" --size 16777217
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
refused "knows raw, handmade, leveldb, disk and none, not 'redis'" --against redis
refused "knows raw, handmade, leveldb, disk and none, not ''" --against raw,
refused "--members must be a whole number from 1 to 32" --members 33
refused "--links must be a whole number from 2 to 1000" --links 1001
refused "--inflight must be" --inflight 0
refused "--window must be a whole number from 1 to 1048576" --window 1048577
refused "'links' is not measured against handmade" links --against raw,handmade
refused "'recover' has nothing to measure at this durability" recover --durability memory
refused "'secure' cannot be measured yet: peers have no keys" secure
refused "'reindeer' is no work that can be measured" reindeer
refused "'stage' is too much" stage stage
refused "'stage' is too much" backlog stage
refused "unrecognized option" --fast
refused "'' is no curve; there are: size, links, backlog, members, window" curve
refused "'colour' is no curve" curve colour
refused "--size is what curve size goes through: see --points" curve size --size 10
refused "--count is what curve backlog goes through" curve backlog --count 10
refused "--points must be up to 12 ascending numbers from 1 to 32" curve members --points 1,33
refused "--points must be" curve size --points 10,5
refused "--points must be" curve size --points 10,
refused "--points must be" curve size --points 1,2,3,4,5,6,7,8,9,10,11,12,13
refused "--points is for curves" stage --points 1
refused "--limit is for curves" stage --limit 1
refused "--limit must be" curve size --limit 0
refused "'stage' is too much" curve size stage
refused "cannot write the picture $work/nowhere/a.svg" --plot "$work/nowhere/a.svg"
run 2 env TMPDIR="$work/nowhere" "$godwit" bench --count 10
says err "set TMPDIR"
refused "MiB free and this may need" backlog --count 1000000000 --size 1048576
[ -z "$(ls -A "$TMPDIR")" ] || complain "a refusal leaves something in TMPDIR"

run 2 bash -c 'ulimit -n 500 && exec "$@"' - "$godwit" bench links
says err "open files, and the limit is 500"
[ -z "$(ls -A "$TMPDIR")" ] || complain "a refusal leaves something in TMPDIR"

run 0 "$godwit" bench --help
says out "usage: godwit bench"

run 0 "$godwit" bench stage --size 100 --count 2000 --durability memory,os,fsync --runs 2 --json
number='-?[0-9]+(\.[0-9]+)?'
object() { # object ROWS: one line of JSON, an object with so many rows, each in a line of `rows`
    [ "$(wc -l <"$work/out")" = 1 ] || complain "is not one line"
    grep -qE '^\{"rows":\[\{.*\}\]\}$' "$work/out" || complain "is not an object with rows"
    tr '{' '\n' <"$work/out" | grep '"work"' >"$work/rows"
    [ "$(wc -l <"$work/rows")" = "$1" ] || complain "has not $1 rows"
    ! grep -qiE '[:-](nan|inf)' "$work/out" || complain "has what is no number"
    [ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"
}
# has ROWS PATTERN NAME ...: so many rows are like the pattern, and have numbers of these names
has() {
    local rows=$1 pattern=$2 name
    shift 2
    for name in "$@"; do
        [ "$(grep -E "$pattern" "$work/rows" | grep -cE "\"$name\":$number[,}]")" = "$rows" ] ||
            complain "$name is not a number in $rows rows like $pattern"
    done
}
usual="rate rate_min rate_max mb_per_s cpu_s_per_million sender_cpu_per_million"
usual+=" sender_peak_kib sender_anon_kib"

run 0 "$godwit" bench stage --size 100 --count 2000 --durability memory,os,fsync --runs 2 --json \
    --against raw,handmade,leveldb
object 8
for level in memory os fsync; do
    row="\"size\":100,\"durability\":\"$level\",\"count\":2000,\"runs\":2,"
    says out "$row"
done
has 8 . $usual
has 3 '"system":"godwit"' ratio_raw ratio_cpu_raw receiver_peak_kib
has 2 '"system":"godwit"' ratio_handmade ratio_leveldb # there is no such thing in memory
has 4 '"durability":"(os|fsync)".*"system":"(godwit|leveldb)"' disk_per_byte

for shape in fanout:1-N fanin:N-1; do
    work_name=${shape%:*}
    run 0 "$godwit" bench "$work_name" --count 2000 --members 3 --durability os --runs 1 --json
    object 4
    has 4 . $usual
    has 2 '"system":"godwit"' ratio_raw
    has 1 "\"shape\":\"${shape#*:}\"" ratio_one
done

run 0 "$godwit" bench request --count 30 --inflight 5 --durability memory,os,fsync --runs 2 --json
object 9
has 9 . $usual p50_us p99_us p999_us max_us
has 3 '"system":"godwit","shape":"one"' ratio_raw_p50
has 1 '"system":"godwit","shape":"one"' ratio_raw_syncs_p50
has 3 '"system":"godwit","shape":"many"' ratio_raw ratio_one
[ "$(grep -c '"shape":"many".*"count":150,\|"count":150,.*"shape":"many"' "$work/rows")" = 4 ] ||
    complain "does not ask five times as often when many are under way"

run 0 "$godwit" bench links --links 5 --count 2000 --durability os --runs 1 --json
object 5
has 5 . $usual
has 3 '"system":"godwit"' ratio_raw
has 1 '"system":"godwit","shape":"many"' ratio_one kib_per_link kib_per_raw_link
has 1 '"system":"godwit","shape":"mesh"' ratio_one

run 0 "$godwit" bench large --count 3 --durability os --runs 1 --json
object 15
for size in 65536 262144 1048576 4194304 16777216; do
    has 3 "\"size\":$size" $usual
    has 1 "\"size\":$size.*\"system\":\"godwit\"" ratio_raw ratio_leveldb
done

run 0 "$godwit" bench --count 500 --durability os --runs 1 --against none
says out "godwit "
! grep -q '^raw' "$work/out" || complain "measures raw though told not to"

run 0 "$godwit" bench backlog --count 3000 --durability memory,os,fsync --json
object 6
has 6 . $usual
has 3 '"shape":"held"' ratio_none ratio_beside_none beside_rate fill_s fill_anon_kib held_anon_kib

run 0 "$godwit" bench recover --count 3000 --durability os,fsync --runs 1 --json
object 2
has 2 . first_s open_s fill_s

# Curves: each point has its rows; one that would take too long is left out, and said.
drawn() { # drawn FILE TEXT ...: a whole picture, which holds the texts
    local text
    [ "$(tail -n 1 "$1")" = '</svg>' ] || complain "no whole picture in $1"
    ! grep -qiE "['M L-](nan|inf)" "$1" || complain "the picture has what is no number"
    shift
    for text in "$@"; do
        grep -qF -- "$text" "$work/a.svg" || complain "'$text' is not in the picture"
    done
}
echo 'something longer than nothing' >"$work/a.svg"
run 0 "$godwit" bench --count 500 --durability os --runs 2 --plot "$work/a.svg"
drawn "$work/a.svg" '>raw<' '>godwit os<' messages/s
[ "$(awk 'length > 100' "$work/out" | wc -l)" = 0 ] || complain "a table of over 100 columns"
run 0 "$godwit" bench curve size --points 10,1000,100000 --count 200 --durability os --runs 1 \
    --against raw --json --plot "$work/a.svg"
says err "curve size: 3 points, 1 rounds each; no point is begun that would end after 600 s"
object 6
for point in 10 1000 100000; do
    has 2 "\"curve\":\"size\",\"point\":$point,.*\"size\":$point," $usual
done
drawn "$work/a.svg" '>raw<' '>godwit os<' 'bytes of one message' 'CPU s per million'
run 0 "$godwit" bench curve members --points 1,2 --count 200 --durability os --runs 1
[ "$(grep -c 'fanin godwit N-1 os' "$work/out")" = 2 ] || complain "has not a line for each point"
[ "$(awk 'length > 100' "$work/out" | wc -l)" = 0 ] || complain "a table of over 100 columns"
run 0 "$godwit" bench curve window --points 1,100 --count 200 --durability os --runs 1 --json
object 6
# a point starts nine processes, twelve points some hundred: no second holds them
run 0 "$godwit" bench curve backlog --points 1,2,3,4,5,6,7,8,9,10,11,12 --limit 1 --durability os \
    --runs 1 --json
grep -qE 'left out from [0-9]+ on: --limit is 1 s$' "$work/err" || complain "leaves no point out"

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
        compgen -G "$TMPDIR/*/stage-push-0" >/dev/null && break
        sleep 0.1
    done
    kill -s $signal $pid
    wait $pid 2>/dev/null
    status=$?
    [ $signal = KILL ] || [ $status = 1 ] || complain "ended with $status, not 1"
    gone
done
finish
