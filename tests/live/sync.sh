#!/usr/bin/env bash
# sync.sh STORY JUDGE PLANTED_STORY: with `fsync`, no DATA and no ACK of a message leaves before the
# sync of what it depends on, as the system calls show. And the judge can tell: with `os` nothing
# is synced, and with two planted bugs frames leave too early. Ends with 77 where strace cannot run.
set -u
story=$1 judge=$2 planted=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strace -o /dev/null true 2>/dev/null || {
    echo "skipped: strace is not there, or may not trace"
    exit 77
}

bad=0
expect() { # expect STATUS PROGRAM LEVEL
    local status=0 seen
    rm -rf "$work/peers"
    mkdir "$work/peers"
    strace -f -y -x -s 100000000 -o "$work/calls" \
        -e trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,fsync,fdatasync \
        "$2" "$work/peers" "$3" >"$work/story" 2>&1 || {
        echo "$3${GODWIT_PLANT:+, $GODWIT_PLANT}: the story itself failed:"
        tail -n 5 "$work/story"
        bad=1
        return
    }
    seen=$("$judge" <"$work/calls" 2>&1) || status=$?
    echo "$3${GODWIT_PLANT:+, $GODWIT_PLANT}: $(tail -n 1 <<<"$seen")"
    [ "$status" = "$1" ] || {
        echo "ended with $status, not $1:"
        echo "$seen"
        bad=1
    }
}

expect 0 "$story" fsync
expect 1 "$story" os
GODWIT_PLANT=reply_before_commit expect 1 "$planted" fsync
GODWIT_PLANT=ack_before_commit expect 1 "$planted" fsync
exit $bad
