#!/usr/bin/env bash
# demo-must-fail.sh TREEHASH-DEMO PLANT ...: shows that the demo finds each of these planted bugs
# (names of src/base/plant.h, in lower case), and that it holds without them. TREEHASH-DEMO is the
# one beside the planted programs, which read GODWIT_PLANT.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: demo-must-fail.sh TREEHASH-DEMO PLANT ..." >&2; exit 2; }
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
shift

echo "the same programs with nothing planted:"
unset GODWIT_PLANT
stall=60
demo 1 || {
    cat "$scratch/out"
    echo "FAILED: the demo does not hold where it must" >&2
    exit 1
}

stall=5
for plant in "$@"; do
    export GODWIT_PLANT=$plant
    echo "$plant:"
    found=
    for seed in 1 2 3; do
        if ! demo "$seed" && grep -qE '^lost ([1-9][0-9]*, repeated|[0-9]+, repeated [1-9])' \
            "$scratch/out"; then
            echo "found, as it must be"
            found=yes
            break
        fi
    done
    [ "$found" ] || {
        cat "$scratch/out"
        echo "FAILED: nothing lost and nothing repeated with $plant" >&2
        exit 1
    }
done
