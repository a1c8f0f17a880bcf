#!/usr/bin/env bash
# plants.sh GODWIT-SIM-PLANTED PLANTS.TXT: every bug that can be planted is one that a test looks
# for, and the other way round.
set -u
diff <("$1" --plant list | sort) <(sed -n 's/^\([a-z_]\+\) .*/\1/p' "$2" | sort) || {
    echo "plants.sh: src/base/plant.h (left) and plants.txt (right) name different bugs" >&2
    exit 1
}
