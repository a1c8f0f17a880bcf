#!/usr/bin/env bash
# lab.sh GODWIT: `godwit lab` as a user meets it, with small processes that play their part.
#
#   promises that hold pass, each kind of broken one is told, with exit 1 and its word
#   a process that fails, a wrong scenario, wrong use: exit 2 and a sentence
#   however it ends, also by SIGKILL, no process and no file is left
set -u
. "$(dirname "$0")/../tools/lib.sh"
bin=$(dirname "$1")
mkdir "$work/tmp" "$work/bin" "$work/share" "$work/share/godwit" "$work/share/godwit/scenarios"
ready=$work/share/godwit/scenarios
cp "$bin/godwit-lab" "$work/bin/" # so that its ready scenarios are ours
cd "$work" || exit 1

lab() {
    rm -f done.*
    env TMPDIR="$work/tmp" LD_LIBRARY_PATH="$bin/../lib" "$work/bin/godwit-lab" "$@"
}

# What the processes of a lab have in their environment, and nobody else.
left() { grep -lF "TMPDIR=$work/tmp" /proc/[0-9]*/environ 2>/dev/null; }

# Nothing of it lives, and it has left no file; waits a little, since dying takes time.
nothing_left() {
    local tries=0
    while [ -n "$(left)" ] && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    [ -z "$(left)" ] || complain "left behind: $(left | tr '\n' ' ')"
    [ -z "$(ls -A "$work/tmp")" ] || complain "left files: $(ls "$work/tmp")"
}

# until_says FILE TEXT TIMES: waits until so many lines hold the text.
until_says() {
    local tries=0
    until [ "$(grep -cF -- "$2" "$1")" -ge "$3" ]; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || {
            complain "$1 never said '$2'"
            return
        }
        sleep 0.05
    done
}

# A sender of 20 messages, and a worker that goes on where it was when it was killed; what it has
# done is in a file that the sender looks at, one for each run. Each does what it is told with the
# seventh.
cat >sender.sh <<'END'
id() { echo 00000000000000aa$(printf %016x $1); }
for i in $(seq 20); do
    [ "$1 $i" = 'hush 7' ] || echo accepted $(id $i) os
done
for i in $(seq 20); do
    until [ "$(cat $2 2>/dev/null || echo 0)" -ge $i ]; do
        sleep 0.01
    done
    [ "$1 $i" = 'wait 7' ] && exec sleep 1000
    [ "$1 $i" = 'mute 7' ] || [ "$1 $i" = 'hush 7' ] || echo settled $(id $i) processed
done
END
cat >worker.sh <<'END'
id() { echo 00000000000000aa$(printf %016x $1); }
while i=$(($(cat $2 2>/dev/null || echo 0) + 1)) && [ $i -le 20 ]; do
    n=$i
    [ "$1" = swap ] && [ $i = 7 ] && n=8
    [ "$1" = swap ] && [ $i = 8 ] && n=7
    [ "$1 $i" = 'slow 7' ] && sleep 1
    if [ "$1 $i" != 'skip 7' ]; then
        echo began $(id $n)
        echo processed $(id $n)
    fi
    [ "$1 $i" = 'twice 7' ] && echo processed $(id $n)
    echo $i >$2.new
    mv $2.new $2
    [ "$1 $i" = 'fail 7' ] && echo out of luck >&2 && exit 3
done
exec sleep 1000
END

scenario() { # scenario NAME WORKER SENDER [LINE ...]: a file of that name
    local name=$1 worker=$2 sender=$3
    shift 3
    {
        echo "about = What $name does"
        echo "settle = 1"
        echo "processes"
        echo "    worker = sh worker.sh $worker done.{seed}"
        echo "    sender = sh sender.sh $sender done.{seed}"
        printf '%s\n' "$@"
    } >"$name.zpl"
}

# ---- promises ----
scenario good well well
run 0 lab run good.zpl
says out "good: What good does"
says out "lost                 0 of 20 accepted"
says out "repeated             0 of 20 processed"
says out "accepted at os"
says out "good: passed in "
says out "again: godwit lab run good.zpl --seed "
quiet err
nothing_left

scenario killed slow well actions '    0.5 = kill worker for 200ms'
run 0 lab run killed.zpl
says out "! kill worker for 200ms"
says out "ended with signal 9 (Killed)"
says out "starts again"
says out "faults               1 carried out"

scenario twice twice well
run 1 lab run twice.zpl --quiet
says out "repeated             1 of 20 processed"
says out "twice: BROKEN in "
scenario lost skip mute
run 1 lab run lost.zpl
says out "lost                 1 of 20 accepted"
says out "00000000000000aa0000000000000007 was accepted (os) by sender"
scenario contradiction skip well
run 1 lab run contradiction.zpl
says out "unexplained          1 of 20 accepted"
scenario stuck skip wait
run 1 lab run stuck.zpl
says out "nothing moves any more"
says out "stuck                1 of 20 accepted"
scenario hush well hush
run 1 lab run hush.zpl
says out "unexplained          1 of 19 accepted"
scenario swap swap well 'order = yes'
run 1 lab run swap.zpl
says out "reordered            1 of"
scenario swap swap well
run 0 lab run swap.zpl
says out "not promised here"
nothing_left

# ---- processes that fail ----
scenario fails fail wait
run 2 lab run fails.zpl
says out "fails: FAILED in "
says out "worker ended by itself with status 3; it said: out of luck"
nothing_left
scenario again fail well
sed -i 's/^    sender/        restart = 100ms\n&/' again.zpl
run 0 lab run again.zpl
says out "is started again"
printf 'settle = 1\nprocesses\n    mute = sleep 1000\n' >mute.zpl
run 2 lab run mute.zpl
says out "nothing to judge"
printf 'settle = 1\nprocesses\n    loud = sh -c "seq 10000; exec sleep 1000"\n' >loud.zpl
run 2 lab run loud.zpl
says out "9500 further lines are not shown"
nothing_left

# ---- wrong use ----
run 2 lab run kil.zpl
says err "kil.zpl: cannot be read: No such file"
scenario wrong well well actions '    1 = kil worker'
run 2 lab run wrong.zpl
says err "wrong.zpl:7: unknown action \`kil\`"
says err "mend: did you mean \`kill\`?"
quiet out
run 2 lab check wrong.zpl
run 0 lab check good.zpl
says out "good.zpl: 2 processes"
run 2 lab
run 2 lab rum good.zpl
says err "did you mean 'run'?"
run 2 lab run
says err "takes the file or the name of one scenario"
run 2 lab run good.zpl other.zpl
run 2 lab run good.zpl --seed 0
says err "--seed must be a whole number"
run 2 lab list --quiet
says err "takes no --quiet"
run 2 lab run good.zpl --keep "$work"
says err "there is something in it"
run 2 lab run good.zpl --report /no/such/folder/x.html
says err "--report /no/such/folder/x.html: No such file"
run 2 env TMPDIR=/no/such/folder "$work/bin/godwit-lab" run good.zpl
says err "mend: TMPDIR"
run 0 lab --help
says out "usage: godwit lab run"

# ---- what is asked for ----
printf 'settle = 1\nprocesses\n    one = sh -c "echo here >{dir}/file; exec sleep 1000"\n' >file.zpl
run 2 lab run file.zpl --keep kept
[ "$(cat kept/one/file)" = here ] || complain "the files are not kept"
run 0 lab run good.zpl --quiet --json -
quiet err
[ "$(head -c 1 "$work/out")" = '{' ] || complain "prints no JSON, or something before it"
run 0 lab run good.zpl --report good.html --json good.json
grep -q '<html' good.html || complain "writes no HTML"
[ -s good.json ] || complain "writes no JSON"

# The same seed, the same orders; another one, others.
scenario random slow well random '    every = 20ms' '    until = 500ms' \
    '    orders' '        a = stop worker|sender for 1ms..30ms' '        b = stop * for 2ms'
orders() { grep -o 'stop.*for .*ms' "$work/out"; } # also those that come too late: it is done
run 0 lab run random.zpl --seed 5
orders >first
run 0 lab run random.zpl --seed 5
orders >second
run 0 lab run random.zpl --seed 6
orders >third
[ "$(wc -l <first)" -gt 5 ] || complain "did hardly anything"
cmp -s first second || complain "does something else with the same seed"
! cmp -s first third || complain "does the same with another seed"

# ---- ready scenarios ----
cp good.zpl killed.zpl "$ready"
sed 's/^settle.*/&\nsmoke = yes\ncovers = P01/' good.zpl >"$ready/quick.zpl"
run 0 lab list
says out "quick                What good does"
says out "covers P01; smoke"
run 0 lab show quick
says out "smoke = yes"
run 2 lab run qick
says err "did you mean \`quick\`?"
run 0 lab run quick --quiet
run 0 lab all
says out "3 runs: 3 passed, 0 broken, 0 failed, 0 skipped"
run 0 lab all --smoke
says out "1 runs: 1 passed"
cp twice.zpl "$ready"
run 1 lab all
says out "4 runs: 3 passed, 1 broken"
run 1 lab soak --seed 1 twice
says out "1 runs: 0 passed, 1 broken"
says out "again: godwit lab run twice --seed "
run 2 lab soak nobody
nothing_left

# ---- the end, however it comes ----
# A process that ignores SIGTERM, one that has become a daemon, and what they started.
cat >daemon.sh <<'END'
trap '' TERM INT HUP
setsid sh -c '(setsid sleep 1000 &); exec sleep 1000' &
(setsid sh -c 'echo there; sleep 1000; sleep 1000' &)
while :; do sleep 1; done
END
printf 'processes\n    daemon = sh daemon.sh\n    other = sh daemon.sh\n' >daemon.zpl

begin() { # starts a lab in the background; $front and $back are its two processes
    : >"$work/out" # what the one before said is not to be mistaken for this one's
    lab run daemon.zpl >"$work/out" 2>"$work/err" &
    shell=$!
    what="lab run daemon.zpl, $1"
    until_says "$work/out" "there" 2
    front=$(pgrep -P $shell -x godwit-lab || echo $shell)
    back=$(pgrep -P "$front" -x godwit-lab)
}

for signal in INT TERM HUP; do
    begin $signal
    kill -s $signal "$front"
    until_says "$work/out" "told to end" 1
    kill -s $signal "$front" # it does not wait for those that ignore SIGTERM
    wait $shell
    status=$?
    [ $status = 130 ] || complain "ended with $status, not 130"
    says out "interrupted in "
    nothing_left
done
begin 'the visible one killed'
kill -9 "$front"
wait $shell
nothing_left
begin 'the hidden one killed'
kill -9 "$back"
wait $shell
status=$?
[ $status = 2 ] || complain "ended with $status, not 2"
says err "the run itself was ended by signal 9"
nothing_left
what='lab run daemon.zpl | head'
lab run daemon.zpl 2>"$work/err" | head -3 >"$work/out"
says err "cannot write"
nothing_left
begin 'asked once'
kill "$front"
wait $shell
says out "did not end when it was asked to: killed"
nothing_left
finish
