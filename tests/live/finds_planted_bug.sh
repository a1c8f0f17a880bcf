#!/usr/bin/env bash
# finds_planted_bug.sh LIVE_KILL_ROUNDS_PLANTED: with a peer that acknowledges before it commits,
# the ledger must find a loss. A kill has to hit the moment between the two, so that one run may
# miss it: a few are tried, and one is enough.
set -u
TMPDIR=$(mktemp -d)
export TMPDIR GODWIT_PLANT=ack_before_commit
trap 'rm -rf "$TMPDIR"' EXIT
for seed in 1 2 3 4 5 6 7 8; do
    output=$("$1" 60 "$seed" pipeline 2>&1)
    tail -n 1 <<<"$output"
    grep -qE ', lost [1-9]|, repeated [1-9]' <<<"$output" && exit 0
done
echo "finds_planted_bug: no run found it" >&2
exit 1
