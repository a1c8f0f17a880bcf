#!/usr/bin/env bash
# command.sh GODWIT VERSION: the verbs of the command, and its answer to wrong ones.
set -u
. "$(dirname "$0")/lib.sh"
godwit=$1 version=$2

run 0 "$godwit" version
says out "godwit $version"
quiet err
run 0 "$godwit" --version
says out "godwit $version"
run 2 "$godwit" version please

for ask in help --help -h; do
    run 0 "$godwit" $ask
    says out "usage: godwit COMMAND"
    says out "bench"
    quiet err
done
run 2 "$godwit"
says err "usage: godwit COMMAND"
quiet out

run 2 "$godwit" benhc --runs 1
says err "there is no command 'benhc'; did you mean 'bench'?"
quiet out
run 2 "$godwit" help hepl
says err "did you mean 'help'?"
run 2 "$godwit" photosynthesis
says err "\`godwit help\` lists them"
run 2 "$godwit" ""
run 2 "$godwit" "$(printf 'x%.0s' {1..5000})"

# Alone in a folder, it has no tools: it says where it looked.
cp "$godwit" "$work/godwit"
run 1 env LD_LIBRARY_PATH="$(dirname "$godwit")/../lib" "$work/godwit" bench
says err "godwit-bench is not installed: looked in $work/"

# A tool gets its arguments and its status comes back, here and in the installed layout.
mkdir -p "$work/bin" "$work/libexec/godwit"
mv "$work/godwit" "$work/bin"
cat >"$work/libexec/godwit/godwit-sim" <<'TOOL'
#!/bin/sh
echo "sim got $*"
exit 7
TOOL
chmod +x "$work/libexec/godwit/godwit-sim"
run 7 env LD_LIBRARY_PATH="$(dirname "$godwit")/../lib" "$work/bin/godwit" sim --seeds "1 2"
says out "sim got --seeds 1 2"
finish
