# Shared by the tests of the tools: run one, look at what it said and how it ended.

bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run STATUS COMMAND ...: runs it; complains if it ends with another status. What it printed is in
# $work/out and $work/err.
run() {
    local want=$1 status=0
    shift
    "$@" >"$work/out" 2>"$work/err" || status=$?
    what=$*
    [ "$status" = "$want" ] || complain "ended with $status, not $want"
}

# says out|err TEXT: what the last command printed holds the text.
says() {
    grep -qF -- "$2" "$work/$1" || complain "does not say '$2'"
}

# quiet out|err: the last command printed nothing there.
quiet() {
    [ ! -s "$work/$1" ] || complain "prints to std$1"
}

complain() {
    printf '%s: %s\n' "$what" "$*"
    sed 's/^/    /' "$work/out" "$work/err"
    bad=$((bad + 1))
}

finish() {
    [ "$bad" = 0 ] || printf '%d problem(s)\n' "$bad"
    [ "$bad" = 0 ]
    exit
}
