#!/usr/bin/env bash
# scale.sh GODWIT-SIM GODWIT-SIM-PLANTED: a fleet of 200 peers loses and repeats nothing, costs what
# docs/scale.md says, and sees a planted loss and a planted repetition.
set -u
sim=$1 planted=$2 bad=0
complain() {
    echo "scale.sh: $*" >&2
    bad=1
}

value() { # value JSON NAME
    sed -nE 's/.*"'"$2"'":(-?[0-9.]+).*/\1/p' <<<"$1"
}
within() { # within JSON OBJECT NAME LEAST MOST
    local part=${1#*\"$2\":\{} found
    found=$(value "${part%%\}*}" "$3")
    awk -v found="$found" -v least="$4" -v most="$5" \
        'BEGIN { exit !(found != "" && found + 0 >= least && found + 0 <= most) }' ||
        complain "$2.$3 is ${found:-missing}, but must be from $4 to $5"
}

# The limits are some 1.3 times what is measured, so that twice as much of anything is too much.
star=$("$sim" scale --peers 200 --messages 100 --json) || complain "the star failed: $star"
[ "$(value "$star" lost)" = 0 ] || complain "lost: $star"
[ "$(value "$star" repeated)" = 0 ] || complain "repeated: $star"
[ "$(value "$star" accepted)" -ge 50000 ] || complain "too few were accepted: $star"
within "$star" memory bytes_per_link 500 3200
within "$star" memory bytes_per_peer 20000 240000
within "$star" idle frames_per_link_per_heartbeat 5 9.5
within "$star" idle bytes_per_link_per_s 50 230
within "$star" trickle ack_bytes_per_message 20 115
within "$star" trickle header_bytes_per_message 20 60
within "$star" bulk ack_bytes_per_message 0.5 6
within "$star" restart handshake_bytes 15000 34000
within "$star" restart pending 1000 40000
within "$star" restart links_s 0 3
within "$star" restart settled_s 0 3
# What is looked at grows with what is due, not with what there is: a walk over all of its links in
# each tick costs the server 64 looks for each of them in a heartbeat.
within "$star" idle hub_looks_per_link_per_heartbeat 1 6
within "$star" bulk looks_per_message 0.01 3

# A choice among many members looks at few of them: at 200 for each message if it walks.
farm=$("$sim" scale --peers 200 --messages 50 --shape farm --json) ||
    complain "the farm failed: $farm"
[ "$(value "$farm" lost)" = 0 ] || complain "lost: $farm"
[ "$(value "$farm" repeated)" = 0 ] || complain "repeated: $farm"
within "$farm" trickle looks_per_message 1 25
within "$farm" bulk looks_per_message 0.1 6

for shape in pairs mesh pipeline; do
    told=$("$sim" scale --peers 60 --messages 50 --shape $shape) || complain "$shape: $told"
    grep -q '^accepted [1-9][0-9]*, lost 0, repeated 0$' <<<"$told" || complain "$shape: $told"
done

# The same seed is the same run, but for the times of this machine.
once() {
    "$sim" scale --peers 40 --messages 50 --seed 7 --shape mesh 3 --json |
        sed -E 's/"[a-z_]*(cpu|real|resident)[a-z_]*":[0-9.]*//g'
}
[ "$(once)" = "$(once)" ] || complain "a seed does not repeat"

# What is checked can fail.
told=$("$planted" scale --peers 50 --plant ack_before_commit)
[ $? -eq 1 ] && grep -q 'lost [1-9]' <<<"$told" || complain "a planted loss is not seen: $told"
told=$("$planted" scale --peers 50 --plant txn_split)
[ $? -eq 1 ] && grep -q 'repeated [1-9]' <<<"$told" ||
    complain "a planted repetition is not seen: $told"

# A curve has a row for each size, and a picture that is XML.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
told=$("$sim" scale --curve --peers 30 --messages 20 --plot "$scratch/curve.svg" 2>/dev/null) ||
    complain "the curve failed: $told"
[ "$(grep -c '^| 10 |' <<<"$told")" -eq 3 ] || complain "a curve without its rows: $told"
[ "$(grep -c '<g transform' "$scratch/curve.svg")" -eq 6 ] || complain "a picture without panels"
if command -v xmllint >/dev/null; then
    xmllint --noout "$scratch/curve.svg" || complain "the picture is no XML"
fi
"$sim" scale --curve --peers 10 --messages 1 --plot /dev/full >/dev/null 2>&1
[ $? -eq 2 ] || complain "a full disk goes unnoticed"

# Wrong use is told, not run.
refuse() { # refuse WORDS ARGUMENT ...
    local words=$1 told
    shift
    told=$("$sim" scale "$@" 2>&1 >/dev/null)
    [ $? -eq 2 ] || complain "not refused: $*"
    [[ $told == *"$words"* ]] || complain "$*: says \"$told\""
}
refuse 'from 2 to 16384' --peers 1
refuse 'from 2 to 16384' --peers 16385
refuse 'from 2 to 16384' --peers
refuse 'not "ring"' --shape ring
refuse 'from 1 to 1000' --shape mesh 0
refuse 'minutes from' --minutes 0
refuse 'minutes from' --minutes soon
refuse 'name of a file' --plot
refuse 'did you mean --peers' --peer 3
refuse 'godwit-sim-planted' --plant txn_split
exit $bad
