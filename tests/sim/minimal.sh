#!/usr/bin/env bash
# minimal.sh GODWIT-SIM-PLANTED PLANT:SEEDS...: of the faults that a world is shrunk to none can be
# left out alone. The first of the seeds that fails for a planted bug is shrunk; then each fault
# that is left is left out in turn, and the same thing must not be violated any more.
set -u
sim=$1
shift
fail() {
    echo "minimal.sh: $*" >&2
    exit 1
}

for world; do
    plant=${world%:*} seeds=${world#*:}
    output=$("$sim" --seeds "1-$seeds" --jobs 1 --shrink-seconds 200 --plant "$plant")
    [ $? -eq 1 ] || fail "$world violates nothing"
    violated=$(sed -n 's/^violated: //p' <<<"$output")
    before=$(sed -n 's/^shrunk: .*, \([0-9]*\) faults\{0,1\} -> .*/\1/p' <<<"$output")
    replay=$(sed -n 's/^replay: godwit-sim-planted //p' <<<"$output")
    [[ $replay =~ ^(.*)\ --only-faults\ ([^ ]+)(.*)$ ]] ||
        fail "$world: no faults are left: $replay"
    start=${BASH_REMATCH[1]} end=${BASH_REMATCH[3]}
    IFS=, read -ra faults <<<"${BASH_REMATCH[2]}"
    [ "${before:-0}" -gt $((5 * ${#faults[@]})) ] ||
        fail "$world: of $before faults ${#faults[@]} are left: too few were there to leave out"
    for i in "${!faults[@]}"; do
        rest=("${faults[@]:0:i}" "${faults[@]:i+1}")
        without=${rest[*]:+--only-faults $(IFS=,; echo "${rest[*]}")} # none: it is a plain world
        # shellcheck disable=SC2086
        again=$("$sim" $start $without $end --no-shrink)
        case $? in
        0) ;;
        1) ! grep -qF "$violated" <<<"$again" ||
            fail "$world: it fails without ${faults[i]}, too: $replay" ;;
        *) fail "$world: cannot run without ${faults[i]}: $again" ;;
        esac
    done
    echo "$world: $before faults, ${#faults[@]} left: ${faults[*]}"
done
