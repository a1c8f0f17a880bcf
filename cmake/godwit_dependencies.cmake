# What godwit stands on; docs/dependencies.md says why. Targets made here:
#   PkgConfig::ZMQ  PkgConfig::MSGPACK  LevelDB::LevelDB  Threads::Threads      the library
#   PkgConfig::CMOCKA                                                           tests
#   PkgConfig::CZMQ  (only if found)                                            the lab, examples
#   PkgConfig::SODIUM  PkgConfig::UV  (only if found)                           examples

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3.4)
pkg_check_modules(MSGPACK REQUIRED IMPORTED_TARGET msgpack>=4.0.0)

# LevelDB has no .pc file in Debian, and its CMake package asks for snappy's, which a user of the
# shared library does not need.
find_path(LEVELDB_INCLUDE_DIR leveldb/c.h REQUIRED)
find_library(LEVELDB_LIBRARY leveldb REQUIRED)
mark_as_advanced(LEVELDB_INCLUDE_DIR LEVELDB_LIBRARY)
add_library(LevelDB::LevelDB UNKNOWN IMPORTED)
set_target_properties(LevelDB::LevelDB PROPERTIES
  IMPORTED_LOCATION "${LEVELDB_LIBRARY}"
  INTERFACE_INCLUDE_DIRECTORIES "${LEVELDB_INCLUDE_DIR}")

pkg_check_modules(CZMQ IMPORTED_TARGET libczmq)
if(GODWIT_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
  pkg_check_modules(SODIUM IMPORTED_TARGET libsodium)
  pkg_check_modules(UV IMPORTED_TARGET libuv)
endif()
