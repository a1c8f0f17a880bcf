#!/usr/bin/env bash
# includes.sh ROOT: holds every #include against the layers' rules.
#
#   base <- core <- wire <- peer;  base <- store, net <- peer;  store and net never see each other
#   base, core, wire, the turn and store/row are pure: no header that reaches a socket, a file,
#   a clock or a thread; store/row alone in store may see core, whose facts it turns into bytes
#   msgpack only in wire, LevelDB only in store, ZeroMQ only in net
#   patterns, examples and tools see include/ only; tools also tools/common;
#   tools/sim sees core, wire, turn and the ports; its handler_* the whole of peer
#   bench sees nothing of the project
set -u
. "$(dirname "$0")/lib.sh"
root=$1

# What a pure file may include from outside the project.
pure='assert.h|errno.h|inttypes.h|limits.h|stdalign.h|stdarg.h|stdatomic.h|stdbool.h|stddef.h'
pure+='|stdint.h|stdlib.h|string.h'
# Public headers that hold only constants and plain types; every layer may use them.
plain='godwit/(error|version)\.h'
public='godwit\.h|godwit/[a-z_]+\.h'
common='common/[a-z_]+\.h' # of tools/
turn='peer/(turn|tail|batch|inbound)[a-z_]*\.h'

# rules FILE: sets `project` (regex for "..." includes) and `outside` (regex for <...> includes),
# and `never` (regex of outside headers refused).
rules() {
    outside='.*'
    never='(zmq|czmq|msgpack|leveldb/c)\.h|(msgpack|leveldb)/.*'
    case $1 in
    src/base/*)
        project="base/.*|$plain"
        outside="$pure|nmmintrin\.h|arm_acle\.h" never='' ;;
    src/core/*) project="(base|core)/.*|$plain" outside=$pure never='' ;;
    src/wire/*) project="(base|core|wire)/.*|$plain" outside="$pure|msgpack(\.h|/.*)" never='' ;;
    src/store/row.* | src/store/row_*)
        project="(base|core)/.*|store/(store|row|row_bytes)\.h|$plain"
        outside=$pure never='' ;;
    src/store/*) project="(base|store)/.*|$plain" never='(zmq|czmq|msgpack)\.h|msgpack/.*' ;;
    src/net/*) project="(base|net)/.*|$plain" never='msgpack\.h|(msgpack|leveldb)/.*' ;;
    src/peer/turn* | src/peer/tail* | src/peer/batch* | src/peer/inbound*)
        project="(base|core|wire)/.*|$turn|store/(store|row)\.h|net/net\.h|$plain"
        outside=$pure never='' ;;
    src/peer/*) project="(base|core|wire|store|net|peer)/.*|$public" ;;
    src/*) project='' outside='' never='' ;;
    include/*) project=$public ;;
    patterns/*) project=$public ;;
    tools/sim/handler_* | tools/sim/fiber.*)
        project="(base|core|wire|peer)/.*|store/(store|row)\.h|$public"
        never='' ;;
    tools/sim/*)
        project="(base|core|wire)/.*|$turn|store/(store|row|memory)\.h|net/net\.h|$public|$common"
        never='' ;;
    tools/*) project="$public|$common" never='' ;;
    examples/*) project=$public never='' ;;
    bench/*) project='' never='' ;; # clients of other systems
    *) return 1 ;;
    esac
}

# A file beside the including one (or below its folder) needs no rule, outside src/ and include/.
beside() {
    case $1 in src/* | include/*) return 1 ;; esac
    case $2 in *..*) return 1 ;; esac
    [ -f "$root/$(dirname "$1")/$2" ]
}

while IFS= read -r file; do
    case $file in *.c | *.h) ;; *) continue ;; esac
    rules "$file" || continue
    while IFS=: read -r number line; do
        name=$(printf '%s\n' "$line" | sed -E 's/^[^<"]*[<"]([^>"]*)[>"].*/\1/')
        inside=no
        case $line in *'"'*) inside=yes ;; esac
        [[ $name =~ ^(godwit\.h|godwit/.*)$ ]] && inside=yes
        if [ $inside = yes ]; then
            beside "$file" "$name" && continue
            [[ $name =~ ^($project)$ ]] || complain "$file:$number: may not include \"$name\""
        else
            [[ $name =~ ^($outside)$ ]] && ! [[ -n $never && $name =~ ^($never)$ ]] ||
                complain "$file:$number: may not include <$name>"
        fi
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$root/$file")
done < <(project_files "$root")
finish
