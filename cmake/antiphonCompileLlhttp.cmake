# SPDX-License-Identifier: BSL-1.0
# Compiles llhttp into a static library of antiphon's own, antiphon::llhttp: symbols hidden, so that it meets no other
# llhttp of the program, and installed with antiphon.
enable_language(C)
add_library(antiphon_llhttp STATIC ${antiphon_llhttp_sources})
add_library(antiphon::llhttp ALIAS antiphon_llhttp)
set_target_properties(
  antiphon_llhttp
  PROPERTIES EXPORT_NAME llhttp
             OUTPUT_NAME antiphon_llhttp
             C_VISIBILITY_PRESET hidden
             POSITION_INDEPENDENT_CODE ON)
# 8.x is built loose unless told otherwise: it would take `X-A : b`, and bytes after a chunk. 9.x knows no such switch.
target_compile_definitions(antiphon_llhttp PRIVATE LLHTTP_STRICT_MODE=1)
target_include_directories(
  antiphon_llhttp SYSTEM INTERFACE $<BUILD_INTERFACE:${antiphon_llhttp_include}>
                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/antiphon-llhttp>)
target_include_directories(antiphon_llhttp PRIVATE ${antiphon_llhttp_include})
