# What `cmake --install` leaves behind: libferry (shared and static), its headers, the package
# files for CMake and pkg-config, and the program with its config and its systemd unit. In three
# components, which are the packages of a distribution: libferry, libferry-dev, ferry.

include(CMakePackageConfigHelpers)

# libferry is these floors, as far as they are built; all above them is the server.
set(FERRY_LIBRARY_FLOORS)
foreach(floor IN ITEMS base loop executor async net http)
  if(TARGET ferry_${floor})
    list(APPEND FERRY_LIBRARY_FLOORS ${floor})
  endif()
endforeach()

# The libraries that libferry links to, by their pkg-config names. Not libcurl, nor OpenSSL: they are
# loaded by those who fetch (src/base/libcurl.h) or speak TLS (src/net/libssl.h).
set(FERRY_REQUIRES_PRIVATE libevent_core jansson)
list(JOIN FERRY_REQUIRES_PRIVATE " " FERRY_PC_REQUIRES_PRIVATE)
set(FERRY_CMAKE_REQUIRES "${FERRY_PC_REQUIRES_PRIVATE}")
pkg_check_modules(FERRY_DEPS REQUIRED IMPORTED_TARGET ${FERRY_REQUIRES_PRIVATE})

function(ferry_library type export_set)
  string(TOLOWER "ferry_${type}" target)
  add_library(${target} ${type})
  foreach(floor IN LISTS FERRY_LIBRARY_FLOORS)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:ferry_${floor}>)
  endforeach()
  target_link_libraries(${target} PRIVATE PkgConfig::FERRY_DEPS Threads::Threads m)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ferry
    LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR})
  install(TARGETS ${target} EXPORT ${export_set}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
      COMPONENT libferry NAMELINK_COMPONENT libferry-dev
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libferry-dev)
endfunction()

ferry_library(SHARED ferryTargets)
ferry_library(STATIC ferryStaticTargets)
set_target_properties(ferry_shared PROPERTIES EXPORT_NAME ferry)
target_link_options(ferry_shared PRIVATE -Wl,-z,relro,-z,now -Wl,--no-undefined)

# What a plug-in is built with: the headers alone, as the program that loads it has the functions.
add_library(ferry_plugin INTERFACE)
target_include_directories(ferry_plugin INTERFACE
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(ferry_plugin PROPERTIES EXPORT_NAME worker)
install(TARGETS ferry_plugin EXPORT ferryTargets COMPONENT libferry-dev)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ferry"
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libferry-dev FILES_MATCHING PATTERN "*.h")

# ---- for find_package(ferry) and pkg-config ----

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ferry")
configure_package_config_file(cmake/ferryConfig.cmake.in "${PROJECT_BINARY_DIR}/ferryConfig.cmake"
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ferryConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/ferryConfig.cmake" "${PROJECT_BINARY_DIR}/ferryConfigVersion.cmake"
  DESTINATION ${package_dir} COMPONENT libferry-dev)
foreach(export_set IN ITEMS ferryTargets ferryStaticTargets)
  install(EXPORT ${export_set} NAMESPACE ferry::
    DESTINATION ${package_dir} COMPONENT libferry-dev)
endforeach()

# ferry.pc finds its prefix from where it lies, so that an installed tree can be moved.
file(RELATIVE_PATH FERRY_PC_TO_PREFIX
  "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/ferry.pc.in "${PROJECT_BINARY_DIR}/ferry.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ferry.pc"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libferry-dev)

# ---- the program ----

if(TARGET ferry)
  # With the prefix /usr the config belongs to /etc, as GNUInstallDirs has it.
  set(config_dir "${CMAKE_INSTALL_SYSCONFDIR}/ferry")
  if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(config_dir "${CMAKE_INSTALL_FULL_SYSCONFDIR}/ferry")
  endif()

  install(TARGETS ferry RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ferry)
  # Messages name some of the documents; who operates a server need not have the sources. They lie
  # as they do there, with all that they link to.
  install(FILES README.md ARCHITECTURE.md CONTRIBUTING.md LICENSE Dockerfile
    DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ferry)
  install(DIRECTORY docs conf examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ferry
    PATTERN CMakeLists.txt EXCLUDE)
  file(RELATIVE_PATH docs_to_headers
    "/prefix/${CMAKE_INSTALL_DOCDIR}" "/prefix/${CMAKE_INSTALL_INCLUDEDIR}")
  install(CODE "file(CREATE_LINK \"${docs_to_headers}\"
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/include\" SYMBOLIC)"
    COMPONENT ferry)
  # The prefix may be chosen as late as here (cmake --install --prefix). The unit in conf/ names the
  # paths of a package; they become those of the prefix. A config that is there is somebody's work:
  # it stays.
  install(CODE "
    set(config_dir \"${config_dir}\")
    cmake_path(ABSOLUTE_PATH config_dir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
    if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
      set(config_dir /etc/ferry)
    endif()
    set(bin_dir \"${CMAKE_INSTALL_BINDIR}\")
    cmake_path(ABSOLUTE_PATH bin_dir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
    file(READ \"${PROJECT_SOURCE_DIR}/conf/ferry.service\" unit)
    string(REPLACE /usr/bin/ \"\${bin_dir}/\" unit \"\${unit}\")
    string(REPLACE /etc/ferry \"\${config_dir}\" unit \"\${unit}\")
    file(WRITE \"${PROJECT_BINARY_DIR}/ferry.service\" \"\${unit}\")
    file(INSTALL \"${PROJECT_BINARY_DIR}/ferry.service\"
      DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
    if(NOT EXISTS \"\$ENV{DESTDIR}\${config_dir}/ferry.yaml\")
      file(INSTALL \"${PROJECT_SOURCE_DIR}/conf/ferry.yaml\" DESTINATION \"\${config_dir}\")
    endif()" COMPONENT ferry)
endif()
