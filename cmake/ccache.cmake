# SPDX-License-Identifier: BSL-1.0
# Compiles through ccache where there is one, so that a second clone finds what the first has built.
if(ANTIPHON_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ANTIPHON_CCACHE_PROGRAM ccache)
  mark_as_advanced(ANTIPHON_CCACHE_PROGRAM)
  if(ANTIPHON_CCACHE_PROGRAM)
    # What ccache asks for where precompiled headers are used.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${ANTIPHON_CCACHE_PROGRAM})
    set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  endif()
endif()
