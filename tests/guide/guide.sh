#!/usr/bin/env bash
# guide.sh GUIDE PREFIX: does what docs/guide.md says against the installed tree at PREFIX. Blocks
# "c NAME" become files; of "console" blocks the lines with $ are run one after the other in one
# shell, and must print what stands below them.
#
# In that `...` stands for anything, ids match any id, spaces any number of spaces. An empty first
# line and what bash says of its jobs are left out. The guide's ports are replaced by others, so
# that tests do not meet.
set -u
guide=$(realpath "$1") prefix=$(realpath "$2")
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
export PATH=$prefix/bin:$PATH
for folder in "$prefix"/lib "$prefix"/lib/*-linux-gnu; do
    export PKG_CONFIG_PATH=$folder/pkgconfig:${PKG_CONFIG_PATH-}
    export LD_LIBRARY_PATH=$folder:${LD_LIBRARY_PATH-}
done
port=$((20000 + $$ % 6000 * 2))
sed "s/127\.0\.0\.1:7000/127.0.0.1:$port/g; s/127\.0\.0\.1:7001/127.0.0.1:$((port + 1))/g" \
    "$guide" >"$work/guide.md"
mkdir "$work/first"
cd "$work/first" || exit 1

bad=0 steps=0 said=$work/said
touch "$said"

pattern() { # of an expected text: a regular expression, newlines as in the text
    sed -E 's/[][\\.*^$(){}?+|]/\\&/g; s/\\\.\\\.\\\./.*/g; s/[0-9a-f]{32}/[0-9a-f]{32}/g
            s/ +$//; s/ +/ +/g' <<<"$1"
}

step() { # step LINE COMMAND EXPECTED
    local from actual
    from=$(stat -c %s "$said")
    eval "$2" >>"$said" 2>&1
    actual=$(tail -c "+$((from + 1))" "$said" | sed -E '/: line [0-9]+: +[0-9]+ [A-Z]/d; s/ +$//')
    actual=${actual#$'\n'}
    steps=$((steps + 1))
    [[ $actual =~ ^$(pattern "$3")$ ]] && return
    printf 'guide.md:%d: $ %s\n--- should print\n%s\n--- prints\n%s\n\n' "$1" "$2" "$3" "$actual"
    bad=$((bad + 1))
}

mode='' command='' expected='' at=0 number=0
finish_step() {
    [ -z "$command" ] || step "$at" "$command" "${expected%$'\n'}"
    command='' expected=''
}
while IFS= read -r line <&3; do
    number=$((number + 1))
    case $mode,$line in
    ,'```c '*) mode=c file=${line#'```c '} && : >"$file" ;;
    ,'```console') mode=console ;;
    ,'```'*) mode=other ;;
    c,'```' | other,'```') mode='' ;;
    console,'```') finish_step && mode='' ;;
    c,*) printf '%s\n' "$line" >>"$file" ;;
    console,'$ '*) finish_step && at=$number command=${line#'$ '} ;;
    console,*) expected+=$line$'\n' ;;
    esac
done 3<"$work/guide.md"

[ "$steps" -gt 20 ] || {
    echo "only $steps commands found in the guide"
    exit 1
}
[ "$bad" = 0 ] || {
    printf '%d of %d commands do not print what the guide says\n' "$bad" "$steps"
    exit 1
}
