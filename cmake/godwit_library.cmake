# The layers of src/ as static libraries, and the two public libraries made of their objects.

# godwit_layer(<name> SOURCES <files> [INCLUDES <dirs>] [LIBS <libs>] [DEFINITIONS <defs>])
# One static library; an empty layer becomes an interface library, so that linking it works.
function(godwit_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;INCLUDES;LIBS;DEFINITIONS" ${ARGN})
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC ${arg_INCLUDES})
    target_compile_definitions(${name} PUBLIC ${arg_DEFINITIONS})
    target_link_libraries(${name} PUBLIC ${arg_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${arg_INCLUDES})
    target_compile_definitions(${name} INTERFACE ${arg_DEFINITIONS})
    target_link_libraries(${name} INTERFACE ${arg_LIBS})
  endif()
endfunction()

# godwit_internal_libraries([SUFFIX <s>] [DEFINITIONS <defs>])
# Makes gw_base<s> gw_core<s> gw_wire<s> gw_store<s> gw_turn<s> gw_net<s> gw_peer<s>
# gw_patterns<s>. A set with a suffix is built only as far as something links it.
#   gw_turn is the part of src/peer that the simulator runs: turn*.c tail*.c batch*.c inbound*.c.
function(godwit_internal_libraries)
  cmake_parse_arguments(arg "" "SUFFIX" "DEFINITIONS" ${ARGN})
  set(s "${arg_SUFFIX}")
  set(src "${PROJECT_SOURCE_DIR}/src")
  foreach(folder base core wire store net peer)
    file(GLOB ${folder} CONFIGURE_DEPENDS "${src}/${folder}/*.c")
  endforeach()
  file(GLOB turn CONFIGURE_DEPENDS
       "${src}/peer/turn*.c" "${src}/peer/tail*.c" "${src}/peer/batch*.c"
       "${src}/peer/inbound*.c")
  if(turn)
    list(REMOVE_ITEM peer ${turn})
  endif()
  file(GLOB patterns CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/patterns/*/*.c")

  set(inside INCLUDES "${src}" "${PROJECT_SOURCE_DIR}/include")
  set(defs DEFINITIONS ${arg_DEFINITIONS})
  godwit_layer(gw_base${s} SOURCES ${base} ${inside} ${defs})
  godwit_layer(gw_core${s} SOURCES ${core} ${inside} ${defs} LIBS gw_base${s})
  godwit_layer(gw_wire${s} SOURCES ${wire} ${inside} ${defs} LIBS gw_core${s} PkgConfig::MSGPACK)
  godwit_layer(gw_store${s} SOURCES ${store} ${inside} ${defs}
               LIBS gw_core${s} LevelDB::LevelDB Threads::Threads)  # core: for store/row.c only
  godwit_layer(gw_turn${s} SOURCES ${turn} ${inside} ${defs} LIBS gw_wire${s} gw_store${s})
  godwit_layer(gw_net${s} SOURCES ${net} ${inside} ${defs}
               LIBS gw_base${s} PkgConfig::ZMQ Threads::Threads)
  godwit_layer(gw_peer${s} SOURCES ${peer} ${inside} ${defs} LIBS gw_turn${s} gw_net${s})
  # Patterns are written against the public headers alone, so those are all they are shown.
  godwit_layer(gw_patterns${s} SOURCES ${patterns} ${defs}
               INCLUDES "${PROJECT_SOURCE_DIR}/include" LIBS $<LINK_ONLY:gw_peer${s}>)
  if(s)
    foreach(layer base core wire store turn net peer patterns)
      set_target_properties(gw_${layer}${s} PROPERTIES EXCLUDE_FROM_ALL ON)
    endforeach()
  endif()
endfunction()

# The installed libraries, from the layers' objects: godwit (shared), godwit_static (libgodwit.a).
function(godwit_public_libraries)
  set(objects)
  foreach(layer base core wire store turn net peer patterns)
    get_target_property(type gw_${layer} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND objects $<TARGET_OBJECTS:gw_${layer}>)
    endif()
  endforeach()
  if(NOT objects)
    add_library(godwit INTERFACE)
    target_include_directories(godwit INTERFACE
                               $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
    message(STATUS "No sources yet: libgodwit is not built")
    return()
  endif()

  set(headers $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
              $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set(needs $<BUILD_INTERFACE:PkgConfig::ZMQ> $<BUILD_INTERFACE:PkgConfig::MSGPACK>
            $<BUILD_INTERFACE:LevelDB::LevelDB> $<BUILD_INTERFACE:Threads::Threads>)
  add_library(godwit SHARED ${objects})
  # Before 1.0 a minor version may change the interface, so it is part of the soname.
  set(soversion ${PROJECT_VERSION_MAJOR})
  if(soversion EQUAL 0)
    set(soversion 0.${PROJECT_VERSION_MINOR})
  endif()
  set_target_properties(godwit PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${soversion}
                        LINKER_LANGUAGE C)
  target_include_directories(godwit PUBLIC ${headers})
  target_link_libraries(godwit PRIVATE ${needs})
  target_link_options(godwit PRIVATE -Wl,--as-needed -Wl,-z,relro,-z,now)
  if(NOT GODWIT_SANITIZE AND NOT GODWIT_FUZZ)
    target_link_options(godwit PRIVATE -Wl,--no-undefined)
  endif()

  # "Static" means godwit itself; what it stands on stays shared.
  add_library(godwit_static STATIC ${objects})
  set_target_properties(godwit_static PROPERTIES OUTPUT_NAME godwit LINKER_LANGUAGE C)
  target_include_directories(godwit_static PUBLIC ${headers})
  target_link_libraries(godwit_static INTERFACE ${needs}
                        $<INSTALL_INTERFACE:zmq> $<INSTALL_INTERFACE:msgpackc>
                        $<INSTALL_INTERFACE:leveldb> $<INSTALL_INTERFACE:pthread>)
endfunction()
