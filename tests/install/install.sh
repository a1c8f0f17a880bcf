#!/usr/bin/env bash
# install.sh BUILD_DIR SOURCE_DIR CC CXX VERSION: installs to a fresh folder, moves it, looks at
# what is there, and builds foreign C and C++ programs against it in each way a user may: pkg-config
# and CMake's package, shared and static. Nothing of the tree or of the caller's environment is seen
# by them. KEEP=1 keeps the folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) source=$(cd "$2" && pwd) cc=$3 cxx=$4 version=$5
work=$(mktemp -d)
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
prefix=$work/moved
. "$here/installed.sh"
. "$here/foreign.sh"

fail() {
    echo "install: $*" >&2
    exit 1
}

# run COMMAND ...: in a user's shell that knows nothing of this tree.
run() {
    env -i PATH=/usr/bin:/bin HOME="$work" LANG=C TMPDIR="$work" \
        PKG_CONFIG_PATH="$libdir/pkgconfig" "$@"
}

# The component is that of all files; naming it leaves the manifest of the user's own install alone.
put() { # put ARGUMENT ...
    cmake --install "$build" --component Unspecified "$@" >"$work/log" || fail "$(cat "$work/log")"
}

put --prefix "$work/first"
cp "$build/install_manifest_Unspecified.txt" "$work/manifest"
removes_all
put --prefix "$work/first"
mv "$work/first" "$prefix"
libdir=$(dirname "$(find "$prefix" -name 'libgodwit.so')")
[ -d "$libdir" ] || fail "there is no libgodwit.so"
prefix_is_complete
library_is_versioned
only_our_names
nothing_of_this_machine
staged

cd "$work"
cp "$here/consumer.c" "$here/consumer.cpp" .
expect="version $version
processed: count me
dead: nonsense, code 22, not a job
reply: hello, world"
each_header_alone
with_pkg_config
with_cmake
examples_compile
command_runs
handler_runs
