# Helpers for tests.

# What script/coverage builds; it runs the tests of the label `measured`.
add_custom_target(measured)

# Test support: tests/support/*.c as one static library that every test links.
file(GLOB gw_support CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.c")
list(FILTER gw_support EXCLUDE REGEX "/fuzz_main\\.c$")
godwit_layer(gw_test_support SOURCES ${gw_support}
             INCLUDES "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src"
                      "${PROJECT_SOURCE_DIR}/include"
             LIBS PkgConfig::CMOCKA)

# godwit_test_program(<name> <sources>... [LIBS <libs>...])
# An executable in bin/ that sees the internals; assertions stay on in every build type. Without
# LIBS it links every internal library. GODWIT_SOURCE_DIR and GODWIT_BIN_DIR are given as strings.
function(godwit_test_program name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  if(NOT arg_LIBS)
    set(arg_LIBS gw_patterns gw_peer)
  endif()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src"
                             "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/tests")
  if(NOT GODWIT_COVERAGE) # there, sources of the library that a test includes are counted too
    target_compile_options(${name} PRIVATE -UNDEBUG)
  endif()
  target_compile_definitions(${name} PRIVATE
    GODWIT_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    GODWIT_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(${name} PRIVATE gw_test_support ${arg_LIBS} PkgConfig::CMOCKA
                        Threads::Threads)
endfunction()

# godwit_measured(<test> <target>): the test counts for coverage, and needs the target.
function(godwit_measured test target)
  set_property(TEST ${test} APPEND PROPERTY LABELS measured)
  add_dependencies(measured ${target})
endfunction()

# godwit_unit_test(<name> <sources>... [LIBS <libs>...] [LABELS <labels>...] [TIMEOUT <s>])
# A cmocka program registered with ctest. Labels with a meaning: `long` is left out of normal runs,
# `tsan` (or `live`, `engine`) is also run under ThreadSanitizer.
function(godwit_unit_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  godwit_test_program(${name} ${arg_UNPARSED_ARGUMENTS} LIBS ${arg_LIBS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  if("${arg_LABELS}" MATCHES "unit|store")
    godwit_measured(${name} ${name})
  endif()
endfunction()

# godwit_failing_calls(<target> [<more>...]): what support/failing_calls.h wraps, and more names of
# which the target has wrappers of its own. The linker says so if the two lists differ.
function(godwit_failing_calls target)
  foreach(name IN ITEMS malloc calloc realloc strdup strndup realpath mmap asprintf open openat
          opendir fdopendir eventfd epoll_create1 socket accept4 stat lstat fstat fstatat fstatfs
          fsync fdatasync ftruncate flock renameat mkdir mkdirat mkdtemp symlinkat readdir read
          pread write pthread_create ${ARGN})
    target_link_options(${target} PRIVATE "-Wl,--wrap=${name}")
  endforeach()
endfunction()

# godwit_unit_tests([LABELS <labels>...])
# Every test_*.c of the current folder, one program each. test_X.c links the lower layer that holds
# X.c (base, core, wire, store, net) with what that layer may see; any other links everything.
function(godwit_unit_tests)
  cmake_parse_arguments(arg "" "" "LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/test_*.c")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    string(REGEX REPLACE "^test_" "" module "${name}")
    set(libs)
    foreach(layer base core wire store net)
      if(EXISTS "${PROJECT_SOURCE_DIR}/src/${layer}/${module}.c")
        list(APPEND libs gw_${layer})
      endif()
    endforeach()
    if(EXISTS "${PROJECT_SOURCE_DIR}/src/peer/${module}.c")
      set(libs)
    endif()
    godwit_unit_test(${name} "${source}" LIBS ${libs} LABELS ${arg_LABELS})
  endforeach()
endfunction()

# godwit_fuzz_target(<name> <sources>... [LIBS <libs>...] [CORPUS <dir>])
# With the preset `fuzz`: a libFuzzer program. Everywhere else: the same function run once over each
# file of CORPUS as a normal test.
function(godwit_fuzz_target name)
  cmake_parse_arguments(arg "" "CORPUS" "LIBS" ${ARGN})
  if(GODWIT_FUZZ)
    godwit_test_program(${name} ${arg_UNPARSED_ARGUMENTS} LIBS ${arg_LIBS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    godwit_test_program(${name} ${arg_UNPARSED_ARGUMENTS}
                        "${PROJECT_SOURCE_DIR}/tests/support/fuzz_main.c" LIBS ${arg_LIBS})
  endif()
  if(arg_CORPUS)
    if(GODWIT_FUZZ)
      add_test(NAME ${name} COMMAND ${name} -runs=0 "${arg_CORPUS}")
    else()
      add_test(NAME ${name} COMMAND ${name} "${arg_CORPUS}")
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
  endif()
endfunction()
