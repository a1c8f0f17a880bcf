# shellcheck shell=bash disable=SC2154
# Part of install.sh: programs of others, built with what was installed.

warnings=(-Wall -Wextra -Wpedantic -Werror)

# works PROGRAM [VARIABLE=VALUE]: it prints what it should.
works() {
    local printed
    rm -rf store
    printed=$(run ${2+"$2"} timeout 60 "./$1" store) || fail "$1 failed"
    [ "$printed" = "$expect" ] || fail "$1 printed: $printed"
}

needs_shared() { # needs_shared yes|no PROGRAM
    local found=no
    objdump -p "$2" | grep -q 'NEEDED *libgodwit\.so\.' && found=yes
    [ "$found" = "$1" ] || fail "$2 needs the shared library: $found"
}

each_header_alone() {
    echo "each header alone"
    local header flags
    read -ra flags <<<"$(run pkg-config --cflags godwit)"
    while read -r header; do
        echo "#include <$header>" >one.c
        run "$cc" -std=c11 "${warnings[@]}" -fsyntax-only "${flags[@]}" one.c ||
            fail "$header alone is no C"
        printf 'extern "C" {\n#include <%s>\n}\n' "$header" >one.cpp
        run "$cxx" -std=c++17 "${warnings[@]}" -fsyntax-only "${flags[@]}" one.cpp ||
            fail "$header alone is no C++"
    done < <(cd "$prefix/include" && find . -name '*.h' | sed 's|^\./||' | sort)
    run "$cc" -std=c99 "${warnings[@]}" -fsyntax-only "${flags[@]}" consumer.c ||
        fail "the headers are no C99"
    run "$cc" -std=c11 -M "${flags[@]}" consumer.c >included
    grep -F "$source/" included && fail "a header comes from the source tree"
    return 0
}

with_pkg_config() {
    echo "pkg-config"
    local flags shared static each
    [ "$(run pkg-config --modversion godwit)" = "$version" ] || fail "godwit.pc has another version"
    read -ra flags <<<"$(run pkg-config --cflags godwit)"
    read -ra shared <<<"$(run pkg-config --libs godwit)"
    read -ra static <<<"$(run pkg-config --static --libs godwit)"
    for each in "${!static[@]}"; do # the others stay shared
        [ "${static[$each]}" != -lgodwit ] || static[each]=-l:libgodwit.a
    done
    run "$cc" -std=c11 "${warnings[@]}" "${flags[@]}" consumer.c -o c_shared "${shared[@]}"
    run "$cc" -std=c11 "${warnings[@]}" "${flags[@]}" consumer.c -o c_static "${static[@]}"
    run "$cxx" -std=c++17 "${warnings[@]}" "${flags[@]}" consumer.cpp -o cxx_shared "${shared[@]}"
    run "$cxx" -std=c++17 "${warnings[@]}" "${flags[@]}" consumer.cpp -o cxx_static "${static[@]}"
    for each in c cxx; do
        works ${each}_shared LD_LIBRARY_PATH="$libdir"
        works ${each}_static
        needs_shared yes ${each}_shared
        needs_shared no ${each}_static
    done
}

with_cmake() {
    echo "CMake package"
    local each
    mkdir project
    cp consumer.c consumer.cpp project
    cat >project/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.20)
project(consumer C CXX)
find_package(godwit ${version%.*} REQUIRED)
if(NOT godwit_VERSION STREQUAL "$version")
  message(FATAL_ERROR "version \${godwit_VERSION}")
endif()
add_compile_options(${warnings[@]})
foreach(kind godwit godwit_static)
  add_executable(c_\${kind} consumer.c)
  add_executable(cxx_\${kind} consumer.cpp)
  set_target_properties(c_\${kind} PROPERTIES C_STANDARD 11 C_EXTENSIONS OFF)
  set_target_properties(cxx_\${kind} PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS OFF)
  foreach(language c cxx)
    target_link_libraries(\${language}_\${kind} PRIVATE godwit::\${kind})
  endforeach()
endforeach()
END
    run cmake -S project -B project/build -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
        -DCMAKE_PREFIX_PATH="$prefix" >log && run cmake --build project/build >log 2>&1 ||
        fail "$(cat log)"
    for each in c cxx; do
        works project/build/${each}_godwit
        works project/build/${each}_godwit_static
        needs_shared yes project/build/${each}_godwit
        needs_shared no project/build/${each}_godwit_static
    done
    sed -i "s/find_package(godwit .*/find_package(godwit 99 REQUIRED)/" project/CMakeLists.txt
    ! run cmake -S project -B project/build >log 2>&1 || fail "version 99 is found too"
}

# The examples are installed to be copied: they need no more than what is installed.
examples_compile() {
    echo "examples"
    local example flags
    read -ra flags <<<"$(run pkg-config --cflags godwit)"
    for example in "$prefix"/share/doc/godwit/examples/*.c; do
        grep -qE '#include <(czmq|uv)\.h>' "$example" ||
            run "$cc" -std=c11 -D_GNU_SOURCE "${warnings[@]}" -fsyntax-only "${flags[@]}" \
                "$example" || fail "$example does not compile"
    done
}

# The command finds the library and its tools beside it, wherever the tree lies.
command_runs() {
    echo "the command"
    [[ $(run "$prefix/bin/godwit" version) == *"$version"* ]] || fail "godwit version fails"
    [[ $(run "$prefix/bin/godwit" bench --help) == usage:* ]] || fail "godwit bench fails"
    run "$prefix/bin/godwit" send --name walker <consumer.c walker stage:s >log ||
        fail "godwit send fails"
    run "$prefix/bin/godwit" status walker >log && grep -q 'outbox: 1 messages' log ||
        fail "godwit status says: $(cat log)"
    run "$prefix/bin/godwit" sim --seeds 1-3 >log || fail "godwit sim fails"
}

# A user's handlers in the installed simulator, as docs/simulate.md builds them.
handler_runs() {
    echo "handlers in the simulator"
    local flags from=$prefix/share/doc/godwit/examples/simulate
    read -ra flags <<<"$(run pkg-config --cflags godwit)"
    run "$cc" -std=c11 "${warnings[@]}" -shared -fPIC "${flags[@]}" "$from/bank.c" \
        "$from/bank_sim.c" -o right.so || fail "the simulated bank does not compile"
    run "$cc" -std=c11 "${warnings[@]}" -DDEPOSIT=deposit_wrong -shared -fPIC "${flags[@]}" \
        "$from/bank.c" "$from/bank_sim.c" -o wrong.so || fail "the wrong bank does not compile"
    run "$prefix/bin/godwit" sim --handler ./right.so --seeds 1-10 >log || fail "$(tail log)"
    run "$prefix/bin/godwit" sim --handler ./wrong.so --seeds 1-20 >log &&
        fail "the wrong bank is not found"
    grep -q 'bank: .* but was given' log || fail "not in the bank's words: $(tail log)"
}
