#!/usr/bin/env bash
# run.sh GODWIT-SIM DIRECTORY SEEDS: the right handlers hold over the seeds; the wrong ones are
# found by the first twenty, told in the words of their own check, and found again by the printed
# command.
set -u
sim=$1 objects=$2 seeds=$3
fail() {
    echo "simulate: $*" >&2
    exit 1
}

# holds NAME: over all seeds, and with many processes killed in it.
holds() {
    output=$("$sim" --handler "$objects/$1_right.so" --seeds "$seeds" --jobs 2) ||
        fail "the right $1: $output"
    killed=$(sed -n "s/^ *\([0-9]*\)  process of a user's handler killed at a call$/\1/p" \
        <<<"$output")
    [ "${killed:-0}" -gt 30 ] || fail "only ${killed:-0} processes were killed in a handler"
}

# found NAME WORDS: sets `said` to the verdict, and `again` to what the replay prints.
found() {
    output=$("$sim" --handler "$objects/$1_wrong.so" --seeds 1-20 --jobs 1)
    [ $? -eq 1 ] || fail "the wrong $1 was not found: $output"
    said=$(grep -oE "$1: $2" <<<"$output" | tail -1)
    [ -n "$said" ] || fail "the verdict is not in the words of the $1: $output"
    replay=$(sed -n 's/^replay: godwit[ -]sim //p' <<<"$output" | head -1)
    [ -n "$replay" ] || fail "no command replays it: $output"
    # shellcheck disable=SC2086
    again=$("$sim" $replay)
    [ $? -eq 1 ] && grep -qF "$said" <<<"$again" || fail "the replay says something else"
}

holds bank
found bank '(alice|bob|carol) has [0-9]+, but was given [0-9]+'
has=$(sed 's/.* has \([0-9]*\),.*/\1/' <<<"$said")
[ "$has" -gt "${said##* }" ] || fail "no deposit was counted twice: $said"
grep -q '~ its process ends after godwit_txn_commit$' <<<"$again" ||
    grep -q '~ its process ends before godwit_ack$' <<<"$again" ||
    grep -q ' killed' <<<"$again" || fail "the story tells of no end of a process"

holds tickets
found tickets '[0-9]+ tickets were sold, but the books say [0-9]+'
sold=$(sed 's/tickets: \([0-9]*\) .*/\1/' <<<"$said")
[ "$sold" -gt "${said##* }" ] || fail "no ticket was sold twice: $said"
