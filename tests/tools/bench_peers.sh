#!/usr/bin/env bash
# bench_peers.sh ROOT GODWIT refuse|measure: bench/peers/run. `refuse`: what cannot be measured gets
# a sentence before anything starts or is installed. `measure`: a small run over those servers that
# are installed here gives a row for each, and leaves nothing behind; ends with 77 if there is none.
set -u
. "$(dirname "$0")/lib.sh"
peers=$1/bench/peers/run godwit=$2
export TMPDIR=$work/scratch
mkdir "$TMPDIR"

refused() { # refused STATUS SENTENCE ARGUMENT ...
    local status=$1 sentence=$2
    shift 2
    run "$status" "$peers" "$@"
    says err "$sentence"
    quiet out
    [ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"
}

# stub NAME LINE ...: a program of that name before all others, made of these lines.
stub() {
    local path=$work/bin/$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$path"
    chmod +x "$path"
}

refuse() {
    refused 2 "--size must be a whole number from 1 to 1048576, not '0'" --size 0
    refused 2 "--size must be" --size 1048577
    refused 2 "--count must be" --count 10
    refused 2 "--count must be" --count 99999999999999999999
    refused 2 "--runs must be" --runs -1
    refused 2 "--timeout must be" --timeout 0.5
    refused 2 "knows redis, nats and rabbitmq, not 'kafka'" --systems kafka
    refused 2 "knows redis, nats and rabbitmq, not 'redis,'" --systems redis,
    refused 2 "--size wants a value" --size
    refused 2 "'--fast' is no option" --fast
    refused 1 "build it first" --godwit "$work/none"
    run 0 "$peers" --help
    says out "usage: bench/peers/run"

    # Machines that lack something. No program is found there that could change this one.
    mkdir "$work/bin"
    export PATH=$work/bin:$PATH
    stub apt-get 'exit 100'
    stub sudo 'exit 1'
    stub id 'echo 1000'
    stub dpkg-query 'exit 1'
    stub apt-cache 'echo "  Candidate: 1.0"'
    local all='build-essential pkg-config redis-server libhiredis-dev'
    refused 1 "not installed: $all" --systems redis --no-install --godwit "$godwit"
    refused 1 "could not install $all" --systems redis --godwit "$godwit"
    says err "apt-get update failed"
    stub apt-cache 'echo "  Candidate: (none)"'
    refused 1 "nothing to measure" --systems redis,nats --godwit "$godwit"
    says err "leaving out nats: there is no package nats-server here"
    stub dpkg-query 'printf installed'
    stub df 'echo; echo / 1 1 1'
    refused 1 "set TMPDIR" --godwit "$godwit"
}

measure() {
    local systems='' rows=2 package
    command -v dpkg-query >/dev/null || exit 77
    for package in redis-server:libhiredis-dev:redis:2 nats-server:libnats-dev:nats:1 \
        rabbitmq-server:librabbitmq-dev:rabbitmq:2; do
        IFS=: read -r server library system variants <<<"$package"
        dpkg-query -W "$server" "$library" >/dev/null 2>&1 || continue
        systems=$systems,$system rows=$((rows + variants))
    done
    [ -n "$systems" ] || {
        echo "skipped: no server of bench/peers is installed"
        exit 77
    }
    run 0 "$peers" --systems "${systems#,}" --count 2000 --runs 2 --no-install --json \
        --godwit "$godwit"
    grep -qE '^\{"rows":\[\{.*\}\]\}$' "$work/out" || complain "is not an object with rows"
    tr '{' '\n' <"$work/out" | grep '"work":"stage"' >"$work/rows"
    [ "$(wc -l <"$work/rows")" = $rows ] || complain "has not $rows rows"
    for name in rate rate_min rate_max cpu_s_per_million godwit_fsync_times; do
        [ "$(grep -cE "\"$name\":[0-9]+(\.[0-9]+)?[,}]" "$work/rows")" = $rows ] ||
            complain "$name is not a number in each row"
    done
    [ -z "$(ls -A "$TMPDIR")" ] || complain "leaves something in TMPDIR"
    echo "$TMPDIR/" >"$work/path"
    ! grep -qsaFf "$work/path" /proc/[0-9]*/cmdline || complain "leaves processes"
}

"$3"
finish
