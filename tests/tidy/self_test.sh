#!/usr/bin/env bash
# self_test.sh [CC]: the tidy checks must fail when they should. Each case is a small tree or
# library with one fault in it; cases without a fault stand beside them.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cc=${1:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0 cases=0

expect() { # expect pass|fail WHAT COMMAND ...
    local want=$1 what=$2 got=fail
    shift 2
    "$@" >"$work/out" 2>&1 && got=pass
    cases=$((cases + 1))
    if [ $got != "$want" ]; then
        printf 'wanted %s, got %s: %s\n' "$want" "$got" "$what"
        sed 's/^/    /' "$work/out"
        bad=$((bad + 1))
    fi
}

tree() { # tree PATH LINE ...: a fresh tree with one file
    rm -rf "$work/tree"
    mkdir -p "$work/tree/$(dirname "$1")"
    local path=$work/tree/$1
    shift
    printf '%s\n' "$@" >"$path"
}

spdx='/* SPDX-License-Identifier: MPL-2.0 */'

include() { # include pass|fail PATH HEADER
    tree "$2" "$spdx" "#include $3"
    expect "$1" "$2 includes $3" "$here/includes.sh" "$work/tree"
}

include pass src/base/map.c '<string.h>'
include pass src/base/map.c '<stdatomic.h>'
include fail src/base/map.c '<stdio.h>'
include fail src/base/map.c '"core/stream.h"'
include pass src/core/stream.c '"base/map.h"'
include fail src/core/stream.c '<time.h>'
include fail src/core/stream.c '<pthread.h>'
include fail src/core/stream.c '<sys/types.h>'
include pass src/store/row.c '"core/batch.h"'
include fail src/store/row.c '<leveldb/c.h>'
include fail src/core/stream.c '"wire/encode.h"'
include fail src/core/stream.c '"../wire/encode.h"'
include pass src/wire/encode.c '<msgpack.h>'
include fail src/core/encode.c '<msgpack.h>'
include fail src/peer/engine.c '<msgpack.h>'
include fail src/wire/encode.c '<zmq.h>'
include fail src/wire/encode.c '"store/store.h"'
include pass src/store/leveldb.c '<leveldb/c.h>'
include fail src/store/leveldb.c '"net/net.h"'
include fail src/store/leveldb.c '"core/stream.h"'
include pass src/net/zmq.c '<zmq.h>'
include fail src/net/zmq.c '"store/store.h"'
include fail src/net/zmq.c '<leveldb/c.h>'
include pass src/peer/engine.c '<pthread.h>'
include pass src/peer/turn.c '"store/store.h"'
include fail src/peer/turn.c '<pthread.h>'
include fail src/peer/turn.c '"store/leveldb.h"'
include pass patterns/pipeline/push.c '"godwit/peer.h"'
include fail patterns/pipeline/push.c '"peer/engine.h"'
include fail patterns/pipeline/push.c '"../../src/peer/engine.h"'
include pass examples/one/one.c '<godwit.h>'
include fail examples/one/one.c '"base/map.h"'
include fail tools/godwit/main.c '"core/stream.h"'
include pass tools/sim/world.c '"common/suggest.h"'
include pass tools/godwit/main.c '"common/suggest.h"'
include fail examples/01_hello_pipeline.c '"common/suggest.h"'
include pass bench/peers/redis.c '<hiredis/hiredis.h>'
include fail bench/peers/redis.c '"godwit.h"'
include pass tools/sim/world.c '"core/stream.h"'
include pass tools/sim/world.c '"peer/turn.h"'
include fail tools/sim/world.c '"peer/engine.h"'
include fail tools/sim/world.c '"store/leveldb.h"'

style() { # style pass|fail WHAT PATH LINE ...
    local want=$1 what=$2
    shift 2
    tree "$@"
    expect "$want" "style: $what" "$here/style.sh" "$work/tree"
}

wide=$(printf '%101s' '' | tr ' ' x)
style pass 'plain file' src/a.c "$spdx" 'int x;'
style pass '100 columns of two-byte letters' src/a.c "$spdx" "/*$(printf '%96s' '' |
    sed 's/ /ä/g')*/"
style fail 'line of 101' src/a.c "$spdx" "$wide"
style fail 'script line of 101' script/a "$wide"
style pass 'wide text' docs/a.md "$wide"
style fail 'tab' src/a.c "$spdx" $'\tint x;'
style fail 'trailing blank' docs/a.md 'word '
style fail 'no SPDX' src/a.h 'int x;'
style fail 'machine path' docs/a.md "see /""home/someone"
style fail 'machine path at the end' docs/a.md "see /""work"
style pass 'a folder called so' docs/a.md 'see a/work/b'
mapfile -t many < <(seq 1 601 | sed 's/.*/int x;/')
style fail '602 lines' src/a.c "$spdx" "${many[@]}"
style pass '603 lines and a reason' src/a.c "$spdx" '/* Length: one table. */' "${many[@]}"
tree docs/a.md 'text'
printf 'no newline' >"$work/tree/docs/a.md"
expect fail 'style: no newline at the end' "$here/style.sh" "$work/tree"

library() { # library NAME C-SOURCE: builds NAME.a in the work folder
    printf '%s\n' "$2" >"$work/$1.c"
    rm -f "$work/$1.a"
    "$cc" -c -fPIC -O2 -o "$work/$1.o" "$work/$1.c" && ar rc "$work/$1.a" "$work/$1.o"
}

library lower 'int gw_lower(void); int gw_lower(void) { return 1; }'
library good 'int gw_lower(void); void *malloc(unsigned long);
void *gw_good(void); void *gw_good(void) { return malloc(gw_lower()); }'
library clock 'long time(long *); long gw_now(void); long gw_now(void) { return time(0); }'
expect pass 'symbols: memory and a lower layer' \
    "$here/symbols.sh" "$here/pure.allow" "$work/good.a" "$work/lower.a"
expect fail 'symbols: the lower layer is not given' \
    "$here/symbols.sh" "$here/pure.allow" "$work/good.a"
expect fail 'symbols: a clock' "$here/symbols.sh" "$here/pure.allow" "$work/clock.a"
expect fail 'symbols: no library' "$here/symbols.sh" "$here/pure.allow" "$work/none.a"

shared() { # shared NAME C-SOURCE
    printf '%s\n' "$2" >"$work/$1.c"
    "$cc" -shared -fPIC -o "$work/$1.so" "$work/$1.c"
}
shared clean 'int godwit_x(void); int godwit_x(void) { return 1; }'
shared leaky 'int godwit_x(void); int godwit_x(void) { return 1; } int gw_y;'
shared empty 'static int y __attribute__((used));'
expect pass 'exports: public names' "$here/exports.sh" "$work/clean.so"
expect fail 'exports: an internal name' "$here/exports.sh" "$work/leaky.so"
expect fail 'exports: nothing' "$here/exports.sh" "$work/empty.so"

printf '%d cases, %d wrong\n' "$cases" "$bad"
[ "$bad" -eq 0 ]
