#!/usr/bin/env bash
# demo-must-fail.sh TREEHASH-DEMO: shows that the demo finds a peer that acknowledges before it
# commits. TREEHASH-DEMO is the one beside the planted programs, which read GODWIT_PLANT.
set -euo pipefail
[ $# = 1 ] || { echo "usage: demo-must-fail.sh TREEHASH-DEMO" >&2; exit 2; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$(dirname "$0")/small-tree.sh" "$scratch/tree"

demo() { # demo SEED: its exit status, and its output in $scratch/out
    local status=0
    "$program" --seed="$1" --kills=3 --cuts=1 --stall-seconds="$stall" "$scratch/tree" \
        >"$scratch/out" 2>&1 || status=$?
    tail -n 1 "$scratch/out"
    return $status
}
program=$1

echo "the same programs with nothing planted:"
unset GODWIT_PLANT
stall=60
demo 1 || {
    cat "$scratch/out"
    echo "FAILED: the demo does not hold where it must" >&2
    exit 1
}

echo "acknowledging before committing:"
export GODWIT_PLANT=ack_before_commit
stall=5
for seed in 1 2 3; do
    if ! demo "$seed" && grep -qE '^lost ([1-9][0-9]*, repeated|[0-9]+, repeated [1-9])' \
        "$scratch/out"; then
        echo "found, as it must be"
        exit 0
    fi
done
cat "$scratch/out"
echo "FAILED: nothing lost and nothing repeated with a peer that acknowledges too early" >&2
exit 1
