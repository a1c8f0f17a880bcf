# Helpers for programs: the command, its tools and the examples.

# godwit_program(<name> <sources>... [LIBS <libs>...] [PLANTED])
# A program in bin/ that sees the public headers only and links libgodwit: examples, tools/godwit.
# PLANTED: linked instead with the libraries in which bugs can be switched on (src/base/plant.h).
function(godwit_program name)
  cmake_parse_arguments(arg "PLANTED" "" "LIBS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  if(arg_PLANTED)
    target_link_libraries(${name} PRIVATE gw_patterns_planted ${arg_LIBS})
  else()
    target_link_libraries(${name} PRIVATE godwit ${arg_LIBS})
  endif()
endfunction()

# godwit_command(<sources>... [LIBS <libs>...])
# The `godwit` command: target godwit_command, program bin/godwit.
function(godwit_command)
  godwit_program(godwit_command ${ARGN})
  set_target_properties(godwit_command PROPERTIES OUTPUT_NAME godwit)
endfunction()

# godwit_tool(<name> <sources>... [LIBS <libs>...])
# `godwit <name>` as a program of its own: target and file godwit-<name>, installed to
# libexec/godwit. LIBS names what it may see: gw_* libraries with the internals, or godwit.
function(godwit_tool name)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  add_executable(godwit-${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(godwit-${name} PRIVATE ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY GODWIT_TOOLS godwit-${name})
endfunction()
