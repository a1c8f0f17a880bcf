# shellcheck shell=bash disable=SC2154
# Part of install.sh: what lies in the installed tree.

# Removing what the manifest lists removes all that was installed.
removes_all() {
    echo "uninstall"
    (cd / && xargs -d '\n' rm <"$work/manifest")
    local left
    left=$(find "$work/first" ! -type d)
    [ -z "$left" ] || fail "not in the manifest: $left"
}

prefix_is_complete() {
    echo "complete"
    local file page
    for file in "$prefix"/bin/godwit "$prefix"/libexec/godwit/godwit-{bench,sim} \
        "$libdir"/libgodwit.{a,so} "$libdir/pkgconfig/godwit.pc" \
        "$libdir"/cmake/godwit/godwit-{config,config-version,targets}.cmake \
        "$prefix"/share/doc/godwit/{LICENSE,README.md,CHANGELOG.md,docs/protocol.md} \
        "$prefix/share/bash-completion/completions/godwit" \
        "$prefix/share/zsh/site-functions/_godwit"; do
        [ -s "$file" ] || fail "$file is missing"
    done
    (cd "$source/include" && find . -name '*.h') | while read -r file; do
        cmp -s "$source/include/$file" "$prefix/include/$file" || fail "$file is missing"
    done
    for page in "$prefix"/include/godwit/*.h; do
        file=$prefix/share/man/man3/godwit_$(basename "$page" .h).3
        [ -s "$file" ] || fail "$file is missing"
    done
    [ -s "$prefix/share/man/man1/godwit.1" ] || fail "godwit.1 is missing"
    find "$prefix" ! -type l ! -perm -a+r | grep . && fail "somebody cannot read these"
    find "$prefix" -perm /o+w ! -type l | grep . && fail "anybody may write these"
    return 0
}

library_is_versioned() {
    echo "soname and links"
    local interface=${version%%.*} soname # whose number the soname has
    [ "$interface" != 0 ] || interface=${version%.*} # before 1.0 minor versions may differ
    [ "$(readlink "$libdir/libgodwit.so")" = "libgodwit.so.$interface" ] &&
        [ "$(readlink "$libdir/libgodwit.so.$interface")" = "libgodwit.so.$version" ] ||
        fail "the links of libgodwit.so are wrong: $(ls -l "$libdir")"
    soname=$(objdump -p "$libdir/libgodwit.so" | awk '$1 == "SONAME" {print $2}')
    [ "$soname" = "libgodwit.so.$interface" ] || fail "the soname is $soname"
}

# Shared: godwit_ alone. Static: also gw_, which no program of others begins its names with.
only_our_names() {
    echo "names"
    local names
    names=$(nm -D --defined-only "$libdir/libgodwit.so" | awk '{print $NF}')
    grep -q '^godwit_peer_open$' <<<"$names" || fail "libgodwit.so does not export its functions"
    grep -v '^godwit_' <<<"$names" && fail "libgodwit.so exports these"
    names=$(nm -g --defined-only "$libdir/libgodwit.a" 2>/dev/null | awk 'NF == 3 {print $3}')
    grep -q '^godwit_peer_open$' <<<"$names" || fail "libgodwit.a has not its functions"
    grep -vE '^(godwit|gw)_' <<<"$names" && fail "libgodwit.a has these names, which may collide"
    return 0
}

# No path of the build or of the prefix, but in debug information. The library searches nowhere but
# where the system does; the programs also beside themselves.
nothing_of_this_machine() {
    echo "no path of this machine"
    local file copy=$work/plain rpath
    cp -a "$prefix" "$copy"
    find "$copy" -type f \( -name 'lib*' -o -name '*.so' -o -perm /u+x \) \
        -exec objcopy --strip-debug {} \;
    grep -rlFe "$build" -e "$source" -e "$work" "$copy" && fail "these name paths of this machine"
    rm -rf "$copy"
    for file in "$libdir/libgodwit.so" "$prefix"/bin/* "$prefix"/libexec/godwit/*; do
        rpath=$(objdump -p "$file" | awk '$1 == "RUNPATH" || $1 == "RPATH" {print $2}')
        case $(basename "$file") in
        libgodwit.so) [ -z "$rpath" ] || fail "$file has the RPATH $rpath" ;;
        *) case $rpath in *:* | [!\$]*) fail "$file has the RPATH $rpath" ;; esac ;;
        esac
    done
}

# What a package is made of: below DESTDIR, for the prefix /usr, without debug information.
staged() {
    echo "DESTDIR"
    local stage=$work/stage
    DESTDIR=$stage put --prefix /usr --strip
    [ -x "$stage/usr/bin/godwit" ] || fail "DESTDIR is ignored"
    (cd "$stage/usr" && find . | sort) >"$work/staged"
    (cd "$prefix" && find . | sort) >"$work/installed"
    diff "$work/installed" "$work/staged" || fail "with DESTDIR something else is installed"
    [ "$(find "$stage" -maxdepth 1 | wc -l)" -eq 2 ] || fail "not all is below /usr"
    rm -rf "$stage"
}
