#!/usr/bin/env bash
# finds.sh GODWIT-SIM-PLANTED PLANT SEEDS: the planted bug is found within so many seeds, and the
# command that is printed shows the same violation again.
set -u
sim=$1 plant=$2 seeds=$3
fail() {
    echo "finds.sh: $*" >&2
    exit 1
}

output=$("$sim" --seeds "1-$seeds" --jobs 1 --plant "$plant")
[ $? -eq 1 ] || fail "$plant was not found within $seeds seeds"
seed=$(sed -n 's/^seed \([0-9]*\), step.*/\1/p' <<<"$output")
violated=$(sed -n 's/^violated: //p' <<<"$output")
replay=$(sed -n 's/^replay: godwit-sim-planted //p' <<<"$output")
[ -n "$seed" ] && [ -n "$violated" ] && [ -n "$replay" ] || fail "the report lacks something"
[ "$(grep -c '^\[' <<<"$output")" -gt 5 ] || fail "the report shows no last events"

# shellcheck disable=SC2086
again=$("$sim" $replay)
[ $? -eq 1 ] || fail "the replay found nothing"
[ "$(grep -cxF "$violated" <<<"$again")" -eq 1 ] || fail "the replay found something else"
echo "$plant: found at seed $seed: $violated"

"$sim" --seeds "1-$seed" --jobs 1 --plant none >/dev/null || fail "found without the bug too"
