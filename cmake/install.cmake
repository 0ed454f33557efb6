# SPDX-License-Identifier: BSL-1.0
# Installs the headers, llhttp where antiphon compiled it, and a CMake package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(antiphon_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/antiphon)
install(
  TARGETS ${antiphon_targets}
  EXPORT antiphonTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT antiphonTargets NAMESPACE antiphon:: DESTINATION ${antiphon_package_dir})

set(antiphon_owns_llhttp OFF)
set(antiphon_any_architecture ARCH_INDEPENDENT)
if(antiphon_llhttp_sources AND ANTIPHON_HTTP)
  set(antiphon_owns_llhttp ON)
  set(antiphon_any_architecture)
  install(FILES ${antiphon_llhttp_include}/llhttp.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/antiphon-llhttp)
endif()

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/antiphonConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/antiphonConfig.cmake
  INSTALL_DESTINATION ${antiphon_package_dir}
  NO_SET_AND_CHECK_MACRO)
# While the version is 0.x, another minor version may break programs.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/antiphonConfigVersion.cmake COMPATIBILITY SameMinorVersion
                                 ${antiphon_any_architecture})
set(antiphon_package_files
    ${CMAKE_CURRENT_BINARY_DIR}/antiphonConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/antiphonConfigVersion.cmake
    ${CMAKE_CURRENT_LIST_DIR}/antiphonAsio.cmake)
if(ANTIPHON_HTTP AND NOT antiphon_owns_llhttp)
  list(APPEND antiphon_package_files ${CMAKE_CURRENT_LIST_DIR}/antiphonLlhttp.cmake)
endif()
if(ANTIPHON_IO_URING)
  list(APPEND antiphon_package_files ${CMAKE_CURRENT_LIST_DIR}/antiphonUring.cmake)
endif()
install(FILES ${antiphon_package_files} DESTINATION ${antiphon_package_dir})
