#!/usr/bin/env bash
# install.sh BUILD_DIR CC CXX: installs to a fresh folder, moves it, and builds a user's program
# against it in each way a user may: pkg-config (shared), the static library, C++, CMake's package.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 cc=$2 cxx=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
pc=$(find "$work/moved" -name godwit.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
library=$(pkg-config --variable=libdir godwit)
library=$(cd "$library" && pwd)
read -ra flags <<<"$(pkg-config --cflags godwit)"
read -ra shared <<<"$(pkg-config --libs godwit)"
read -ra needs <<<"$(pkg-config --libs --static godwit)"
warnings=(-Wall -Wextra -Werror -pedantic)
cd "$work"

echo "pkg-config, shared"
"$cc" -std=c11 "${warnings[@]}" -o shared "$here/consumer.c" "${flags[@]}" "${shared[@]}"
LD_LIBRARY_PATH=$library ./shared
objdump -p shared | grep -q 'NEEDED *libgodwit\.so\.0$'

echo "static"
static=()
for each in "${needs[@]}"; do
    [ "$each" = -lgodwit ] && each=$library/libgodwit.a
    static+=("$each")
done
"$cc" -std=c11 -o static "$here/consumer.c" "${flags[@]}" "${static[@]}"
./static

echo "C++"
"$cxx" -std=c++11 "${warnings[@]}" -o cxx -x c++ "$here/consumer.c" -x none \
    "${flags[@]}" "${shared[@]}"
LD_LIBRARY_PATH=$library ./cxx

echo "manual pages and completion"
for header in "$work"/moved/include/godwit/*.h; do
    [ -f "$work/moved/share/man/man3/godwit_$(basename "$header" .h).3" ]
done
[ -f "$work/moved/share/man/man1/godwit.1" ]
[ -f "$work/moved/share/bash-completion/completions/godwit" ]
[ -f "$work/moved/share/zsh/site-functions/_godwit" ]
"$work/moved/bin/godwit" version
echo hello | "$work/moved/bin/godwit" send --name walker "$work/walker" stage:s >/dev/null
"$work/moved/bin/godwit" status "$work/walker" | grep -q 'outbox: 1 messages'

echo "each header on its own"
for header in "$work"/moved/include/godwit/*.h; do
    "$cc" -std=c99 "${warnings[@]}" -fsyntax-only -include "$header" -x c /dev/null "${flags[@]}"
done

echo "CMake package"
mkdir project
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(consumer C)
find_package(godwit 0.1 REQUIRED)
foreach(kind godwit godwit_static)
  add_executable(with_${kind} ${SOURCE})
  target_link_libraries(with_${kind} PRIVATE godwit::${kind})
endforeach()
END
cmake -S project -B project/build -DSOURCE="$here/consumer.c" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$work/moved" >/dev/null
cmake --build project/build >/dev/null
project/build/with_godwit
project/build/with_godwit_static
