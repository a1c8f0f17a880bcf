#!/usr/bin/env bash
# pages.sh ROOT GODWIT: manual pages and completion against what is there.
#
#   every public function is in the synopsis of exactly one page of section 3, that of its header,
#   and in its NAME; no page lists a function that no header has
#   every verb of the command is in godwit(1), and so is each of its long options; both completions
#   know them too
set -u
. "$(dirname "$0")/lib.sh"
root=$1 godwit=$2
: >"$work/out"
: >"$work/err"

# functions HEADER: the names it exports.
functions() {
    tr '\n' ' ' <"$1" | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
        grep -oE 'GODWIT_EXPORT[^;]*;' | grep -oE 'godwit_[a-z_0-9]+ *\(' | tr -d ' (' | sort -u
}

# synopsis PAGE: the names that it declares. names PAGE: those of its NAME.
synopsis() {
    sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$1" | sed -nE 's/^\.F[no] ([a-z_0-9]+).*/\1/p'
}
names() {
    sed -n '/^\.Sh NAME/,/^\.Nd/p' "$1" | sed -nE 's/^\.Nm ([a-z_0-9]+).*/\1/p'
}

for header in "$root"/include/godwit/*.h; do
    name=$(basename "$header" .h)
    page=$root/docs/man/godwit_$name.3
    what=$name.h
    [ -f "$page" ] || { complain "has no page godwit_$name(3)"; continue; }
    functions "$header" >"$work/there"
    [ -s "$work/there" ] || complain "no functions found: is this test still right?"
    synopsis "$page" | sort >"$work/said"
    diff "$work/there" "$work/said" >"$work/out" || complain "its page declares something else"
    names "$page" | sort >"$work/said"
    diff "$work/there" "$work/said" >"$work/out" || complain "its page's NAME is something else"
    grep -q "^\.In godwit/$name\.h$" "$page" || complain "its page does not name the header"
    for section in 'SYNOPSIS' 'DESCRIPTION' 'EXAMPLES' 'SEE ALSO'; do
        grep -q "^\.Sh $section" "$page" || complain "its page has no $section"
    done
done
: >"$work/out"
for page in "$root"/docs/man/godwit_*.3; do
    name=$(basename "$page" .3)
    what=$(basename "$page")
    [ -f "$root/include/godwit/${name#godwit_}.h" ] || complain "is of no header"
    while read -r other; do
        [ -f "$root/docs/man/$other.3" ] || [ "$other" = godwit ] || complain "refers to $other"
    done < <(sed -nE 's/^\.Xr (godwit[a-z_]*) .*/\1/p' "$page")
done

"$godwit" help | sed -nE 's/^  ([a-z]+) .*/\1/p' >"$work/verbs"
[ "$(wc -l <"$work/verbs")" -gt 10 ] || complain "the command lists no verbs"
while read -r verb; do
    what="godwit $verb"
    for page in docs/man/godwit.1 tools/godwit/completion/godwit.bash \
        tools/godwit/completion/_godwit; do
        grep -qwF -- "$verb" "$root/$page" || complain "is not in $page"
    done
    case $verb in help | version | bench | sim | lab) continue ;; esac
    run 0 "$godwit" help "$verb"
    says out "usage: godwit $verb"
    while read -r option; do
        what="godwit $verb $option"
        grep -qE "^\.(It|Op) .*Fl -${option#--}( |$)" "$root/docs/man/godwit.1" ||
            complain "is not in godwit(1)"
        for page in godwit.bash _godwit; do
            grep -qF -- "$option" "$root/tools/godwit/completion/$page" ||
                complain "is not in $page"
        done
    done < <(grep -oE -- '--[a-z-]+' "$work/out" | sort -u)
done <"$work/verbs"

# Tools with pages of their own: their options are there, and completed.
for tool in bench lab lab-peer sim; do
    [ -x "$(dirname "$godwit")/godwit-$tool" ] || continue
    run 0 "$godwit" help "$tool"
    while read -r option; do
        what="godwit $tool $option"
        grep -qE "^\.(It |Op )?Fl -${option#--}( |$)" "$root/docs/man/godwit-$tool.1" ||
            complain "is not in godwit-$tool(1)"
        for page in godwit.bash _godwit; do
            grep -qF -- "$option" "$root/tools/godwit/completion/$page" ||
                complain "is not in $page"
        done
    done < <(grep -oE -- '--[a-z][a-z-]*' "$work/out" | sort -u)
done

# A job of its own within one of them.
if [ -x "$(dirname "$godwit")/godwit-sim" ]; then
    run 0 "$godwit" sim scale --help
    while read -r option; do
        what="godwit sim scale $option"
        for page in godwit.bash _godwit; do
            grep -qF -- "$option" "$root/tools/godwit/completion/$page" ||
                complain "is not in $page"
        done
    done < <(grep -oE -- '--[a-z][a-z-]*' "$work/out" | sort -u)
fi

if command -v groff >/dev/null; then
    for page in "$root"/docs/man/*; do
        what="groff $page"
        groff -mandoc -Tutf8 -ww -z "$page" >"$work/out" 2>"$work/err"
        [ ! -s "$work/err" ] || complain "has something to say"
    done
else
    echo "skipped: no groff, the pages' form is not checked"
fi
# The bash completion, asked as bash does.
what=completion
complete_words() { # complete_words WORD ...: what the last one could become
    bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _godwit; echo "${COMPREPLY[*]}"' \
        "$root/tools/godwit/completion/godwit.bash" "$@" >"$work/out" 2>"$work/err"
}
complete_words godwit st
[ "$(cat "$work/out")" = status ] || complain "does not complete st"
complete_words godwit dead re
[ "$(cat "$work/out")" = requeue ] || complain "does not complete dead re"
complete_words godwit sim scale --sh
[ "$(cat "$work/out")" = --shape ] || complain "does not complete sim scale --sh"
complete_words godwit status --j
[ "$(cat "$work/out")" = --json ] || complain "does not complete status --j"
complete_words godwit bench re
[ "$(cat "$work/out")" = "request recover" ] || complain "does not complete bench re"
complete_words godwit bench curve w
[ "$(cat "$work/out")" = window ] || complain "does not complete bench curve w"
finish
