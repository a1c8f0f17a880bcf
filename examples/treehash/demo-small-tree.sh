#!/usr/bin/env bash
# demo-small-tree.sh TREEHASH-DEMO [OPTION ...]: runs the demo over a tree made by small-tree.sh.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: demo-small-tree.sh TREEHASH-DEMO [OPTION ...]" >&2; exit 2; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$(dirname "$0")/small-tree.sh" "$scratch/tree"
"$@" "$scratch/tree"
