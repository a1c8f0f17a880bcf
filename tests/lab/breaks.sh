#!/usr/bin/env bash
# breaks.sh GODWIT: real peers that break a promise on purpose: `godwit lab` says which, exit 1. The
# same peers without that pass. (Where a kill must hit a moment, as with `early`: test_peer.c.)
set -u
. "$(dirname "$0")/../tools/lib.sh"
godwit=$1
mkdir "$work/tmp"
export TMPDIR=$work/tmp

# broken STATUS WORD OPTION ACTION [SENDER]: what a run of that says.
broken() {
    local order=no
    case $3 in *reorder*) order=yes ;; esac
    cat >"$work/it.zpl" <<END
order = $order
seconds = 10
processes
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 2000 --rate 1000 ${5-}
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} $3
        audit = godwit lab-peer audit --dir {dir}
actions
    $4
END
    run "$1" "$godwit" lab run "$work/it.zpl"
    what="a worker with '$3'"
    if [ "$1" = 0 ]; then
        says out "it: passed in "
        ! grep -E '^  [a-z]+ +[1-9][0-9]* of .* (accepted|processed)$' "$work/out" ||
            complain "something is broken"
    else
        says out "it: BROKEN in "
        grep -qE "^  $2 +[1-9][0-9]* of " "$work/out" || complain "is not called $2"
    fi
    [ -z "$(ls -A "$TMPDIR")" ] || complain "left $(ls "$TMPDIR")"
}

kills='0.3..1.8/0.3 = kill worker for 20ms'
broken 0 none '' "$kills"
broken 1 lost '--break lose' "$kills"
broken 1 repeated '--break repeat' "$kills"
broken 1 unexplained '--break silent' '0.5 = cut sender-worker'
broken 1 reordered '--break reorder' '0 = stop worker for 300ms' --ordered
finish
