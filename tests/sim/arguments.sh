#!/usr/bin/env bash
# arguments.sh GODWIT-SIM: wrong use ends with status 2, and says what is wrong and the mend; what
# is asked of worlds is what they are.
set -u
. "$(dirname "$0")/../tools/lib.sh"
sim=$1

refuse() { # refuse WORDS ARGUMENT ...: with these words, and nothing is run
    local words=$1
    shift
    run 2 "$sim" "$@"
    quiet out
    says err "$words"
}
refuse 'its value is missing' --seeds
refuse 'give FIRST-LAST' --seeds x
refuse 'give FIRST-LAST' --seeds 9-1
refuse 'give FIRST-LAST' --seeds 1-999999999999
refuse 'give a number' --seed -4
refuse 'give a number' --seed 4x
refuse 'give 1 to 64' --jobs 0
refuse 'no such option; --help lists them' --xyzzy
refuse "did you mean '--seeds'?" --sedes 1-4
refuse 'use godwit-sim-planted' --plant old_link
refuse 'leave --seeds or --quick out' --seed 1 --seeds 1-4
refuse 'give --seed N' --trace
refuse 'leave --json out' --seed 1 --trace --json
refuse 'give --seeds A-B' --seed 1 --require-all
refuse 'give A,B,..' --except ''
refuse 'give A,B,..' --except 4,,5
refuse 'give 2-8' --peers 1
refuse 'give 2-8' --peers 2-9
refuse 'give 2-8' --peers 8-2
refuse 'give pipeline, request or both' --pattern ring
refuse 'give os or fsync' --durability never
refuse "did you mean 'power'?" --faults powre
refuse '--list-knobs names them' --faults loss,xyzzy
refuse 'none' --faults ''
refuse 'is no NAME=VALUE' --set window
refuse "did you mean 'window'?" --set windwo=4
refuse 'give 1-1048576' --set window=0
refuse 'give 1-1048576' --set window=99999999999999999999999
refuse 'give 0s-60s' --set heartbeat=100
refuse 'give 0s-60s' --set heartbeat=61s
refuse 'give yes or no' --set jitter=maybe
refuse 'letters from abcdefgh, or -' --set senders=z
refuse "no knob is called 'write_lost'" --set write_lost=1
refuse 'names no fault' --only-faults process_killed
refuse 'names no fault' --only-faults process_killed.1,frame_lost.a-z.DATA.1
refuse 'contradict each other' --only-faults process_killed.1 --without-faults process_killed.2
refuse 'give 1 to 1000000' --shrink-runs 0

run 0 "$sim" --help
says out '--require-all'
run 0 "$sim" --seed 3
says out 'no violation'
run 0 "$sim" --list-knobs
says out 'W: the span of an epoch'
says out 'frame_lost'

# What is asked for is what comes.
run 0 "$sim" --seeds 1-20 --faults none --json
says out '"failures":0,"violations":[]'
says out '"median_faults":0,'
run 0 "$sim" --seeds 1-20 --faults power,crash_in_recovery --durability fsync --json
says out '"process_killed":0,'
! grep -q '"power_lost":0,' "$work/out" || complain 'asked for power, and none was lost'
run 0 "$sim" --seed 5 --messages 7 --pattern pipeline --set sinks=- --faults none
says out ' 7 messages, '
run 0 "$sim" --seed 5 --pattern request --faults none --trace
says out 'submit ask '
! grep -q 'submit work ' "$work/out" || complain 'asked for requests alone, and work was sent'
run 0 "$sim" --seed 5 --peers 8 --trace
grep -q '^\[[ 0-9.]*\] h ' "$work/out" || complain 'the last of eight peers is not there'

# A fault by its name, alone or left out, is the same fault.
run 0 "$sim" --seed 5 --only-faults process_killed.3 --trace
[ "$(grep -c ' killed' "$work/out")" = 1 ] || complain 'not one kill'
run 0 "$sim" --seed 5 --only-faults none --json
says out '"process_killed":0,'
finish
