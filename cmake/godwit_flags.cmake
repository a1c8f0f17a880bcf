# Language, warnings and instrumentation, the same for gcc and clang.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)  # GODWIT_EXPORT marks what the shared library shows
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
  -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wwrite-strings -Wundef -Wformat=2
  -fno-semantic-interposition  # calls to public functions inside the library stay direct
  "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(GODWIT_WERROR)
  add_compile_options(-Werror)
endif()

if(GODWIT_SANITIZE)
  add_compile_options(-fsanitize=${GODWIT_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GODWIT_SANITIZE})
endif()

if(GODWIT_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "GODWIT_FUZZ needs clang (libFuzzer): use the preset 'fuzz'")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(GODWIT_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

if(GODWIT_PLANT)
  string(TOUPPER "${GODWIT_PLANT}" plant)
  string(REGEX REPLACE "[^A-Z0-9]" "_" plant "${plant}")
  add_compile_definitions(GODWIT_PLANT_${plant}=1)
  message(WARNING "A bug is planted on purpose: ${GODWIT_PLANT}")
endif()

find_program(GODWIT_CCACHE ccache)
if(GODWIT_CCACHE AND NOT DEFINED CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${GODWIT_CCACHE}")
endif()
