#!/usr/bin/env bash
# finds.sh GODWIT-SIM-PLANTED NAME SEEDS FAULTS INVARIANT: the planted bug is found within SEEDS
# seeds, by INVARIANT, and shrunk to at most FAULTS faults; the command that is printed runs exactly
# that world, and without the bug it violates nothing.
set -u
sim=$1 plant=$2 seeds=$3 faults=$4 invariant=$5
fail() {
    echo "finds.sh: $plant: $*" >&2
    exit 1
}

output=$("$sim" --seeds "1-$seeds" --jobs 1 --shrink-seconds 200 --plant "$plant")
[ $? -eq 1 ] || fail "not found within $seeds seeds"
field() { sed -n "s/$1/\1/p" <<<"$output"; }
violated=$(field '^violated: \(.*\)')
at=$(field '^at: \(.*\)')
left=$(field '^shrunk: .* -> .*, \([0-9]*\) faults\{0,1\}, in .*')
replay=$(field '^replay: godwit-sim-planted \(.*\)')
[ -n "$violated" ] && [ -n "$at" ] && [ -n "$left" ] && [ -n "$replay" ] ||
    fail "the report lacks something"
grep -qE -- "$invariant" <<<"$violated" || fail "named otherwise: $violated"
[ "$left" -le "$faults" ] || fail "shrunk to $left faults, not to $faults"
schedule=$(sed -n '/^the faults that are left:/,/^$/p' <<<"$output" | grep -c '^\[')
[ "$schedule" -eq "$left" ] || fail "the schedule lists $schedule of $left faults"

# Bit for bit: the same violation at the same step, twice the same trace.
# shellcheck disable=SC2086
again=$("$sim" $replay)
[ $? -eq 1 ] || fail "the replay found nothing"
[ "$(tail -n 1 <<<"$again")" = "$violated" ] || fail "the replay found something else"
step=$(sed -n 's/.*step \([0-9]*\),.*/\1/p' <<<"$at")
grep -q "^seed [0-9]*: $step events, " <<<"$again" || fail "the replay ended at another step"
# shellcheck disable=SC2086
[ "$again" = "$("$sim" $replay)" ] || fail "the replay ran differently the second time"

# shellcheck disable=SC2086
"$sim" ${replay/--plant $plant/--plant none} >/dev/null || fail "violated without the bug too"
echo "$plant: $(field '^shrunk: \(.*\)'): $violated"
