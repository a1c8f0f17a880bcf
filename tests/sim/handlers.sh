#!/usr/bin/env bash
# handlers.sh GODWIT-SIM FOLDER: what is said of handlers that misbehave (handlers.c), and that a
# seed replays; FOLDER holds them as odd_KIND.so.
set -u
sim=$1 folder=$2 bad=0
says() { # says STATUS KIND SEEDS WORDS
    local output status
    output=$(timeout 120 "$sim" --no-shrink --handler "$folder/odd_$2.so" --seeds "$3" 2>&1)
    status=$?
    [ $status -eq "$1" ] && grep -q -- "$4" <<<"$output" && return
    echo "$2: status $status, not $1 with '$4': $(tail -5 <<<"$output")" >&2
    bad=1
}

says 0 FINE 1-20 '^no violation'
says 0 SHARES 1-20 '^no violation'
says 0 HURRIES 1-60 '^no violation'
[ -n "${SANITIZED:-}" ] || {
    says 1 FAULTS 1-3 'odd died of signal 6 (Aborted) at [a-e]'
    says 1 DIGS 1-3 'odd needs more than 1024 KiB of stack at [a-e]'
}
says 1 LOOPS 1-1 'odd has not come back for 10 s of real time at [a-e]'
says 1 FORGETS 1-1 'liveness: .* where a handler has begun with it'
says 2 OPENS_A_PEER 1-3 'calls godwit_peer_open, which the simulator does not offer'
says 2 OPENS_A_PEER 1-3 'godwit_txn_commit'
says 2 NOWHERE 1-3 'needs no_such_function, which is in no library'
says 2 BAD_PART 1-3 'must have "stage:NAME" or "service:NAME"'
output=$("$sim" --handler /nowhere.so 2>&1)
[ $? -eq 2 ] && grep -q 'nowhere.so' <<<"$output" || bad=1
"$sim" --handler "$folder/odd_EXITS.so" --seed 3 --trace | grep -q '~ its process ends: exit(7)$' ||
    { echo "an exit is not told" >&2; bad=1; }

for seed in 1 5 9; do
    first=$("$sim" --handler "$folder/odd_SHARES.so" --seed $seed --trace | md5sum)
    [ "$first" = "$("$sim" --handler "$folder/odd_SHARES.so" --seed $seed --trace | md5sum)" ] ||
        { echo "seed $seed ran differently the second time" >&2; bad=1; }
done

# What is offered is what the program shows, no more and no less.
shown=$(nm -D --defined-only "$sim" | awk '$3 ~ /^godwit_/ {print $3}' | sort)
offered=$("$sim" --handler "$folder/odd_OPENS_A_PEER.so" 2>&1 | sed 1d | tr -s ' ' '\n' |
    grep '^godwit_' | sort)
[ "$shown" = "$offered" ] || { echo "shown and offered differ" >&2; bad=1; }
exit $bad
