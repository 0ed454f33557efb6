# SPDX-License-Identifier: BSL-1.0
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(antiphon_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/antiphon")

install(TARGETS antiphon_core EXPORT antiphonTargets FILE_SET HEADERS)
if(TARGET antiphon_antiphon)
  install(TARGETS antiphon_antiphon EXPORT antiphonTargets)
endif()
if(antiphon_llhttp_compiled)
  # So that an installed antiphon is whole.
  install(TARGETS antiphon_llhttp EXPORT antiphonTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(FILES "${antiphon_llhttp_include}/llhttp.h" DESTINATION include/antiphon-llhttp)
endif()
install(EXPORT antiphonTargets NAMESPACE antiphon:: DESTINATION "${antiphon_package_dir}")
foreach(part ${antiphon_parts})
  if(TARGET antiphon_${part})
    # Of its own, so that who does not use it need not have what it needs.
    install(TARGETS antiphon_${part} EXPORT antiphonPart-${part})
    install(EXPORT antiphonPart-${part} NAMESPACE antiphon:: DESTINATION "${antiphon_package_dir}")
  endif()
endforeach()
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/antiphonConfig.cmake.in"
                              "${CMAKE_CURRENT_BINARY_DIR}/antiphonConfig.cmake" INSTALL_DESTINATION "${antiphon_package_dir}")
# While 0.x, a minor release may break.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/antiphonConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/antiphonConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/antiphonConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/antiphonDependencies.cmake" DESTINATION "${antiphon_package_dir}")
install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/antiphon")
