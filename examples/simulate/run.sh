#!/usr/bin/env bash
# run.sh GODWIT-SIM RIGHT WRONG SEEDS: the right handler holds over the seeds; the wrong one is
# found by the first twenty, told in the bank's words, and found again by the printed command.
set -u
sim=$1 right=$2 wrong=$3 seeds=$4
fail() {
    echo "simulate: $*" >&2
    exit 1
}

output=$("$sim" --handler "$right" --seeds "$seeds" --jobs 2) || fail "the right bank: $output"
killed=$(sed -n "s/^ *\([0-9]*\)  process of a user's handler killed at a call$/\1/p" <<<"$output")
[ "${killed:-0}" -gt 30 ] || fail "only ${killed:-0} processes were killed in a handler"

output=$("$sim" --handler "$wrong" --seeds 1-20 --jobs 1)
[ $? -eq 1 ] || fail "the wrong bank was not found: $output"
said=$(grep -oE 'bank: (alice|bob|carol) has [0-9]+, but was given [0-9]+' <<<"$output" | tail -1)
[ -n "$said" ] || fail "the verdict is not in the bank's words: $output"
has=$(sed 's/.* has \([0-9]*\),.*/\1/' <<<"$said")
[ "$has" -gt "${said##* }" ] || fail "no deposit was counted twice: $said"

replay=$(sed -n 's/^replay: godwit[ -]sim //p' <<<"$output" | head -1)
[ -n "$replay" ] || fail "no command replays it: $output"
# shellcheck disable=SC2086
again=$("$sim" $replay)
[ $? -eq 1 ] && grep -qF "$said" <<<"$again" || fail "the replay says something else"
grep -q '~ its process ends after godwit_txn_commit$' <<<"$again" ||
    grep -q '~ its process ends before godwit_ack$' <<<"$again" ||
    grep -q ' killed' <<<"$again" || fail "the story tells of no end of a process"
