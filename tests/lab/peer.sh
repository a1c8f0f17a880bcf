#!/usr/bin/env bash
# peer.sh GODWIT: lab-peer refuses what is wrong with a sentence and status 2, its help is complete,
# and what it cannot do it says.
set -u
. "$(dirname "$0")/../tools/lib.sh"
godwit=$1

refuses() { # refuses TEXT ARGUMENT ...
    local text=$1
    shift
    run 2 "$godwit" lab-peer "$@"
    says err "$text"
    says err "see \`godwit lab-peer --help\`"
    quiet out
}

refuses 'must be told what to do'
refuses "'pusch' is nothing it can do (did you mean push?)" pusch
refuses "'dance' is nothing it can do: push, work" dance
refuses "push needs --bind or --connect" push
refuses "audit needs --dir" audit
refuses "'--bnd' is no option, or lacks its value (did you mean --bind?)" push --bnd x
refuses "'--stage' is no option, or lacks its value" push --stage
refuses "--slow is not for push" push --slow 1
refuses "--messages must be a whole number from 0 to 1000000000, not '-1'" push --messages -1
refuses "--size must be a whole number from 8 to 1000000, not '7'" push --size 7
refuses "--nack must be a percentage from 0 to 100, not 'often'" work --nack often
refuses "--durability knows fsync, os and memory, not 'disk'" work --durability disk
refuses "--durability fsync and os need --dir" work --bind ipc://x --durability os
refuses "--break knows lose, repeat, reorder, early and silent, not 'all'" work --break all
refuses "serve can break lose and repeat only" serve --bind ipc://x --break early
refuses "'more' is too much" push --connect ipc://x more
mapfile -t many < <(for i in $(seq 17); do printf -- '--bind\nipc://x%s\n' "$i"; done)
refuses "--bind may be given 16 times" work "${many[@]}"

run 0 "$godwit" lab-peer --help
quiet err
says out 'usage: godwit lab-peer push|work|ask|serve|audit'
for option in dir name bind connect stage service durability heartbeat seed verbose messages \
    seconds rate size ordered failover passed-on batch threads credit slow nack reject crash \
    onward break; do
    says out "  --$option "
done

run 1 "$godwit" lab-peer work --bind nonsense
says err "godwit lab-peer: nonsense: "
run 1 "$godwit" lab-peer audit --dir "$work/nowhere"
says err "there is no directory"
run 1 "$godwit" lab-peer push --dir "$work/no/where" --connect ipc://x
says err "godwit lab-peer: open: "
run 1 "$godwit" lab-peer push --connect "ipc://$work/w" --messages 1 --name UPPER
says err "name"
finish
