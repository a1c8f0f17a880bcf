#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
# small-tree.sh DIR: fills a new directory with a few hundred files, awkward in all known ways.
set -euo pipefail
[ $# = 1 ] || { echo "usage: small-tree.sh DIR" >&2; exit 2; }
mkdir "$1"
cd "$1"

# Many small ones in several directories, each with content of its own.
for d in a a/b a/b/c a.b z; do
    mkdir -p "$d"
    for i in $(seq 1 100); do
        printf '%s\n' "$d" $(seq "$i" $((i + 400))) >"$d/file-$i"
    done
done

# Names that tools trip over. The order of "a", "a.b" and "a/..." is a trap for resuming walkers.
mkdir 'dir with spaces' $'dir\nwith newline' empty-directory
printf x >'dir with spaces/ leading and trailing '
printf x >$'dir\nwith newline/back\\slash'
printf x >$'newline\nin name'
printf x >$'carriage\rreturn'
printf x >'-'
printf x >'-n'
printf x >'*'
printf x >'\n'
printf x >$'\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6'
printf x >$'not-utf8-\xff\xfe'
long=$(printf 'n%.0s' $(seq 1 200))
mkdir -p "$long/$long/$long"
printf x >"$long/$long/$long/$long"

# Sizes around the limits: nothing, one part exactly, one byte around it, and many parts.
: >empty
head -c 262143 /dev/zero >part-minus-1
head -c 262144 /dev/zero >part
head -c 262145 /dev/zero >part-plus-1
seq 1 500000 >three-mebibytes
truncate -s 3145728 three-mebibytes
seq 1 300000 >large

# Not regular files: left out.
ln -s empty symbolic-link
ln -s nowhere dangling-link
mkfifo fifo
