#!/usr/bin/env bash
# peers.sh GODWIT JSON_LINES DEAD_PEER: each verb against running and stopped peers, and what it
# says when it cannot be done.
set -u
. "$(dirname "$0")/lib.sh"
godwit=$1 json_lines=$2 dead_peer=$3
export TMPDIR=$work/scratch
mkdir "$TMPDIR"
cd "$work" || exit 1
running=()
trap 'for pid in "${running[@]}"; do kill "$pid" 2>/dev/null; done; wait; rm -rf "$work"' EXIT

is_json() { # the last command printed JSON objects, a line each
    "$json_lines" <"$work/out" >"$work/count" 2>>"$work/err" || complain "does not print JSON"
}
is_out() { # is_out TEXT: the last command printed just this
    [ "$(cat "$work/out")" = "$1" ] || complain "does not print just '$1'"
}
until_so() { # until_so COMMAND ...: within a limit, it succeeds
    local i
    for ((i = 0; i < 300; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    what=$* && complain "never came true"
}
stop() { # stop PID: ends a peer of ours as its user would
    kill "$1" && wait "$1"
    [ $? = 0 ] || { what="peer $1" && complain "does not end well"; }
}
nothing=00000000000000010000000000000001

### what cannot be done

refused() { # refused SENTENCE ARGUMENT ...
    local sentence=$1
    shift
    run 2 "$godwit" "$@"
    says err "$sentence"
    says err "see \`godwit help"
    quiet out
}
for verb in status counters find dead send recv request serve top withdraw forfeit; do
    refused "godwit $verb: " "$verb"
    refused "godwit $verb: " "$verb" --colour x y
    run 0 "$godwit" "$verb" --help
    says out "usage: godwit $verb"
done
refused "it is \`godwit status" status a b
refused "is no message id" find here 123
refused "is no message id" withdraw here x
refused "is no message id" dead show here zz
refused "list, show, requeue or purge" dead bury here
refused "give ids, or --all" dead purge here
refused "takes no such option" dead list --raw here
refused "takes no id" dead list here "$nothing"
refused "is too much" dead show here "$nothing" "$nothing"
refused "is too much" dead purge --all here "$nothing"
refused "--interval must be" top --interval never here
refused "--count must be" top --count 0 here
refused "--timeout must be seconds" send --timeout soon here stage:s
refused "--header must be KEY=TEXT" send --header colour here stage:s
refused "is no destination" send here "stage: s"
refused "is no peer's name" forfeit here "a b"
refused "--stage is missing" recv --connect tcp://127.0.0.1:1
refused "--connect or --bind is missing" recv --stage s
refused "--count must be" recv --stage s --bind tcp://127.0.0.1:* --count -1
refused "--connect is missing" request upper
refused "--bind or --connect is missing" serve upper -- cat
refused "the program is missing" serve upper --bind tcp://127.0.0.1:*
refused "--threads must be" serve upper --bind tcp://127.0.0.1:* --threads 0 -- cat
run 1 "$godwit" serve upper --bind tcp://127.0.0.1:* -- no-such-program
says err "there is no program 'no-such-program'"
run 1 "$godwit" recv --stage s --bind udp://127.0.0.1:1
says err "udp"
run 1 "$godwit" recv --stage s --bind "tcp://*:7000"
says err "allow_unauthenticated"
for verb in status counters top "dead list"; do
    # shellcheck disable=SC2086
    run 3 "$godwit" $verb nowhere
    says err "there is no directory nowhere"
    # shellcheck disable=SC2086
    run 3 "$godwit" $verb "$TMPDIR"
    says err "holds no store"
done
echo hello >file
run 3 "$godwit" status file
run 3 "$godwit" send nowhere stage:s < <(printf x)
says err "there is no directory nowhere"
[ ! -e nowhere ] || complain "makes the directory"
mkdir strange && echo x >strange/y
run 1 "$godwit" send --name walker strange stage:s < <(printf x)
says err "not empty"

### a stopped peer

run 0 "$godwit" send --lines --name walker walker stage:paint < <(printf 'one\n\ntwo')
[ "$(wc -l <"$work/out")" = 3 ] || complain "does not print three ids"
id=$(head -n 1 "$work/out")
find walker -newer "$work/out" | sort >before
run 0 "$godwit" status walker
says out "walker is stopped"
says out "outbox: 3 messages"
run 0 "$godwit" status --json walker
is_json
says out '{"record":"peer","name":"walker","running":false'
says out '"destination":"stage:paint","members":0,"unsettled":3,"unoffered":3'
run 0 "$godwit" find walker "$id"
is_out "sent to stage:paint: queued"
run 0 "$godwit" find --json walker "$id"
is_json
run 3 "$godwit" find walker "$nothing"
says err "knows no message of this id"
run 0 "$godwit" dead list walker
quiet out
run 3 "$godwit" dead show walker "$nothing"
run 3 "$godwit" dead purge walker "$nothing"
run 1 "$godwit" counters walker
says err "is not running: start it"
run 3 "$godwit" top walker
says err "is not running"
opens=$("$godwit" status --json walker | grep -o '"opens":[0-9]*')
run 0 "$godwit" status --json walker
says out "$opens," # looking is no open
[ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"
run 1 "$godwit" send --name other walker stage:s < <(printf x)
says err 'belongs to the peer "walker"'

# What was sent to it is delivered when it meets a worker: each once, in full. The worker stays: of
# one that leaves at once, the last word may not arrive.
"$godwit" recv --stage paint --bind "ipc://$work/paint.ipc" >got 2>got.err &
running+=($!)
run 0 "$godwit" send --count --connect "ipc://$work/paint.ipc" walker stage:paint \
    < <(printf "three")
is_out 1
stop "${running[0]}"
running=()
[ "$(LC_ALL=C sort got | tr '\n' ,)" = ",one,three,two," ] || complain "recv got $(cat got)"
run 0 "$godwit" status walker
says out "outbox: 0 messages"
run 0 "$godwit" recv --help
run 4 "$godwit" recv --stage paint --bind "ipc://$work/paint.ipc" --timeout 0.1
says err "no message for 0.1 s"

### running peers

"$godwit" serve upper --bind "ipc://$work/upper.ipc" --dir upper --name upper --threads 4 \
    --timeout 20 -- bash -c '
    case ${GODWIT_HEADER_HOW-} in
    env) env | grep ^GODWIT_ | sort ;;
    fail) echo "no such \"thing\"" >&2; echo more >&2; exit 3 ;;
    die) kill -9 $$ ;;
    again) [ -e again ] || { touch again; exit 75; }; echo "attempt $GODWIT_ATTEMPT" ;;
    hang) echo $$ >hang; sleep 300 ;;
    deaf) echo deaf ;;
    *) tr a-z A-Z ;;
    esac' 2>serve.err &
serve=$!
running=($serve)
until_so grep -q service:upper serve.err
ask=("$godwit" request --connect "ipc://$work/upper.ipc" --timeout 30)
run 0 "${ask[@]}" upper < <(echo hello)
is_out HELLO
run 0 "${ask[@]}" upper </dev/null
quiet out
head -c 16000000 /dev/zero | tr '\0' x >large
run 0 "${ask[@]}" upper <large
tr x X <large | cmp -s - "$work/out" || complain "does not answer with all of it"
run 0 "${ask[@]}" --header how=deaf upper <large
is_out deaf
head -c 16777217 /dev/zero >toolarge
run 1 "${ask[@]}" upper <toolarge
says err "more than 16777216 bytes"
run 0 "${ask[@]}" --header how=env --header some-key.x='a b' upper < <(echo x)
says out "GODWIT_HEADER_SOME_KEY_X=a b"
says out "GODWIT_ATTEMPT=1"
says out "GODWIT_REDELIVERED=0"
says out "GODWIT_CLIENT=godwit-"
run 5 "${ask[@]}" --header how=fail upper < <(echo x)
says err '"upper" answers with error 3: no such "thing"'
quiet out
run 5 "${ask[@]}" --header how=die upper < <(echo x)
says err "error 137: the program was ended by signal 9"
run 0 "${ask[@]}" --header how=again upper < <(echo x)
says out "attempt 2"
run 6 "${ask[@]}" --timeout 0.3 lower < <(echo x)
says err "serves"
run 4 "${ask[@]}" --timeout 0.3 --header how=hang upper < <(echo x)

run 0 "$godwit" status upper
says out "upper runs as process $serve"
says out "service:upper"
run 0 "$godwit" status --json upper
is_json
says out '{"record":"serve","destination":"service:upper","open":true'
run 0 "$godwit" counters upper
says out "delivered"
run 0 "$godwit" counters --json upper
is_json
run 0 "$godwit" top --count 2 --interval 0.1 upper
says out "per second: sent"
says out "----"
[ "$(grep -c "runs as process" "$work/out")" = 2 ] || complain "does not print two pictures"
# On a terminal it draws a screen of its own and gives it back; q ends it.
if command -v script >/dev/null; then
    mkfifo keys
    script -qefc "'$godwit' top upper" screen <keys >/dev/null 2>&1 &
    screen=$!
    running+=($screen)
    exec 8>keys
    until_so grep -q "runs as process" screen
    printf q >&8
    wait "$screen" || complain "top on a terminal does not end well"
    exec 8>&-
    running=($serve)
    grep -qF "$(printf '\033[?1049h')" screen || complain "top takes no screen of its own"
    grep -qF "$(printf '\033[?25h\033[?1049l')" screen || complain "top does not give it back"
else
    echo "skipped: no script(1), top on a terminal is not tried"
fi
run 0 "$godwit" send --lines --header a='%= é' upper stage:later < <(printf '1\n2\n')
id=$(tail -n 1 "$work/out")
run 0 "$godwit" find upper "$id"
is_out "sent to stage:later: queued"
run 3 "$godwit" find upper "$nothing"
run 2 "$godwit" send --connect tcp://127.0.0.1:1 upper stage:later < <(printf x)
says err "not for a running peer"
run 1 "$godwit" send upper nowhere < <(printf x)
says err 'destination is "nowhere"'
run 1 "$godwit" recv --stage s --bind "tcp://127.0.0.1:*" --dir upper
says err "runs already"
run 0 "$godwit" recv --stage later --connect "ipc://$work/upper.ipc" --count 1 --json --timeout 30
is_json
says out '"headers":{"a":"%= \u00c3\u00a9"},"data":"MQ=="'
run 0 "$godwit" send upper stage:nobody < <(printf x)
id=$(cat "$work/out")
run 0 "$godwit" withdraw upper "$id"
until_so sh -c "'$godwit' find upper $id | grep -q withdrawn"
run 3 "$godwit" withdraw upper "$nothing"
run 3 "$godwit" forfeit upper nobody

# Another user is told so.
chmod 755 "$work"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null &&
    setpriv --reuid=65534 --regid=65534 --clear-groups "$godwit" version >/dev/null 2>&1; then
    run 1 setpriv --reuid=65534 --regid=65534 --clear-groups "$godwit" status upper
    says err "belongs to another user: ask as that one, or as root"
    chmod 755 upper
    run 1 setpriv --reuid=65534 --regid=65534 --clear-groups "$godwit" status upper
    says err "belongs to another user: ask as that one, or as root"
    chmod 666 upper/control
    run 1 setpriv --reuid=65534 --regid=65534 --clear-groups "$godwit" status upper
    says err "belongs to another user: ask as that one, or as root"
    chmod 600 upper/control
    run 0 "$godwit" status upper
else
    echo "skipped: another user cannot be tried here"
fi

# Ended by a signal it kills the program that hangs; the request is still there.
hanging=$(cat hang)
stop "$serve"
running=()
until_so sh -c "! kill -0 $hanging 2>/dev/null"
[ ! -e upper/control ] || complain "serve leaves its control socket"
run 0 "$godwit" status upper
says out "upper is stopped"

# Killed, its socket stays: nobody is fooled by it.
"$godwit" recv --stage later --bind "ipc://$work/later.ipc" --dir later --name later >/dev/null &
later=$!
until_so "$godwit" counters later
{ kill -9 "$later" && wait "$later"; } 2>/dev/null
[ -S later/control ] || complain "a killed peer has removed its socket"
run 0 "$godwit" status later
says out "later is stopped"
"$godwit" recv --stage later --bind "ipc://$work/later.ipc" --dir later >/dev/null &
running=($!)
until_so "$godwit" counters later
stop "${running[0]}"
running=()

### dead letters

dead_run() { # dead_run HOW: a walker with two dead letters, its ids in dead.ids
    rm -rf dead dead.ids && mkfifo hold."$1"
    "$dead_peer" dead 2 "$1" <hold."$1" >dead.ids 2>dead.err &
    running=($!)
    exec 9>hold."$1"
    until_so sh -c '[ "$(wc -l <dead.ids)" = 2 ]' # said when all are dead
}
dead_end() {
    exec 9>&-
    wait "${running[0]}" || complain "dead_peer does not end well: $(cat dead.err)"
    running=()
}
check_dead() { # the reading verbs, whether it runs or not
    run 0 "$godwit" dead list dead
    says out "stage:paint"
    says out "rejected 7"
    says out 'no "such" colour\paint'
    [ "$(grep -c stage:paint "$work/out")" = 2 ] || complain "does not list two"
    run 0 "$godwit" dead list --json dead
    is_json
    [ "$(cat "$work/count")" = 2 ] || complain "does not list two"
    run 0 "$godwit" dead show dead "$id"
    says out "reason       rejected, code 7"
    says out "header       colour=blue"
    says out "|a \"blue\" horse.|"
    run 0 "$godwit" dead show --raw dead "$id"
    printf 'a "blue" horse\n' | cmp -s - "$work/out" || complain "does not print the bytes"
    run 0 "$godwit" dead show --json dead "$id"
    is_json
    says out '"data":"YSAiYmx1ZSIgaG9yc2UK"'
    says out '"text":"no \"such\" colour\\paint"'
    run 0 "$godwit" find dead "$id"
    says out "dead"
    says out '(rejected), code 7: no "such" colour\paint'
    run 0 "$godwit" find --json dead "$id"
    is_json
    run 0 "$godwit" status dead
    says out "dead letters: 2"
}
dead_run stay
id=$(head -n 1 dead.ids) other=$(tail -n 1 dead.ids)
check_dead
dead_end
check_dead
run 0 "$godwit" dead requeue dead "$id"
again=$(cat "$work/out")
run 0 "$godwit" find dead "$again"
says out "queued"
run 3 "$godwit" dead show dead "$id"
run 3 "$godwit" dead requeue dead "$id"
run 0 "$godwit" dead purge --all dead
run 0 "$godwit" dead list dead
quiet out
run 3 "$godwit" dead show dead "$other"

dead_run mute
id=$(head -n 1 dead.ids)
run 1 "$godwit" status dead
says err "no control socket"
run 1 "$godwit" send dead stage:paint < <(printf x)
says err "no control socket"
dead_end
rm hold.stay && dead_run stay
id=$(head -n 1 dead.ids)
run 0 "$godwit" dead requeue dead "$id"
run 0 "$godwit" dead purge --all dead
run 0 "$godwit" dead list dead
quiet out
dead_end
[ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"
finish
