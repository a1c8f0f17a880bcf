# cmake --install: headers, both libraries, pkg-config and CMake packages, manual pages, documents,
# the command, its tools and its completion. All of it is one component, and nothing in it names
# the prefix, so that the installed tree can be moved.

include(CMakePackageConfigHelpers)

if(TARGET godwit_static)
  install(TARGETS godwit godwit_static EXPORT godwit
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
else()
  install(TARGETS godwit EXPORT godwit)
endif()
if(EXISTS "${PROJECT_SOURCE_DIR}/include")
  install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/godwit")
install(EXPORT godwit NAMESPACE godwit:: FILE godwit-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/godwit-config.cmake.in
  "${PROJECT_BINARY_DIR}/godwit-config.cmake" INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/godwit-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/godwit-config.cmake"
              "${PROJECT_BINARY_DIR}/godwit-config-version.cmake" DESTINATION ${package_dir})

# Relative, so that the installed tree can be moved.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" up "${up}")
configure_file(cmake/godwit.pc.in "${PROJECT_BINARY_DIR}/godwit.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/godwit.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

file(GLOB pages CONFIGURE_DEPENDS docs/man/*.[1-8])
foreach(page IN LISTS pages)
  string(REGEX REPLACE ".*\\." "" section "${page}")
  install(FILES "${page}" DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

# As they lie in the source tree, so that their links work.
file(GLOB documents CONFIGURE_DEPENDS docs/*.md)
file(GLOB examples CONFIGURE_DEPENDS examples/[0-9][0-9]_*.c)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${documents} DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES ${examples} examples/event_loop.h examples/README.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
file(GLOB simulated CONFIGURE_DEPENDS examples/simulate/*.[ch])
install(FILES ${simulated} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/simulate)

# Programs find the library beside them; -DCMAKE_SKIP_INSTALL_RPATH=ON for system packages.
if(TARGET godwit_command)
  set_target_properties(godwit_command PROPERTIES
                        INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS godwit_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set(completion "${PROJECT_SOURCE_DIR}/tools/godwit/completion")
  install(FILES "${completion}/godwit.bash" RENAME godwit
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES "${completion}/_godwit" DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
get_property(tools GLOBAL PROPERTY GODWIT_TOOLS)
if(tools)
  set_target_properties(${tools} PROPERTIES
                        INSTALL_RPATH "$ORIGIN/../../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS ${tools} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/godwit)
endif()

# What has to be built for that, without tests and examples: cmake --build ... --target installable
add_custom_target(installable)
add_dependencies(installable godwit)
foreach(target IN ITEMS godwit_static godwit_command godwit-lab-shim ${tools})
  if(TARGET ${target})
    add_dependencies(installable ${target})
  endif()
endforeach()
