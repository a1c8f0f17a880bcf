#!/usr/bin/env bash
# arguments.sh GODWIT-SIM: wrong use ends with status 2 and a sentence.
set -u
sim=$1 bad=0
refuse() {
    "$sim" "$@" >/dev/null 2>&1
    [ $? -eq 2 ] || {
        echo "not refused: $*" >&2
        bad=1
    }
}
refuse --seeds
refuse --seeds x
refuse --seeds 9-1
refuse --seed -4
refuse --jobs 0
refuse --nonsense
refuse --plant old_link
"$sim" --help | grep -q -- '--require-all' || bad=1
"$sim" --seed 3 | grep -q '^seed 3: .* no violation$' || bad=1
exit $bad
