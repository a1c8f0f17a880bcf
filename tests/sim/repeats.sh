#!/usr/bin/env bash
# repeats.sh GODWIT-SIM: a seed replays bit for bit.
set -eu
sim=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for seed in 1 7 13 42 99 250; do
    "$sim" --seed $seed --trace >"$scratch/first" || true
    "$sim" --seed $seed --trace >"$scratch/second" || true
    cmp "$scratch/first" "$scratch/second" || {
        echo "seed $seed ran differently the second time" >&2
        exit 1
    }
    [ "$(wc -l <"$scratch/first")" -gt 20 ] || {
        echo "seed $seed has hardly a trace" >&2
        exit 1
    }
done

# Many seeds in several processes add up to the same as in one.
"$sim" --seeds 1-60 --jobs 1 | grep -v '^took ' >"$scratch/one"
"$sim" --seeds 1-60 --jobs 3 | grep -v '^took ' >"$scratch/three"
cmp "$scratch/one" "$scratch/three"
