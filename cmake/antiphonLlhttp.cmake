# SPDX-License-Identifier: BSL-1.0
# Finds llhttp: a target that exists already, a package, ANTIPHON_LLHTTP_DIR, Debian's C sources (node-llhttp), and a
# download where ANTIPHON_FETCH_DEPS is on. Makes antiphon::llhttp where it is there as a library; where there are C
# sources, leaves them in antiphon_llhttp_sources and the directory of llhttp.h in antiphon_llhttp_include. Used by
# antiphon's build and by its installed package. Leaves a sentence in antiphon_llhttp_missing where there is none.
if(TARGET antiphon::llhttp)
  return()
endif()

set(antiphon_llhttp_missing
    "antiphon::antiphon needs llhttp (8.1 or newer) and did not find it. Install it (apt: libllhttp-dev, on Debian 12 \
node-llhttp; brew: llhttp, vcpkg: llhttp, conan: llhttp), or name its directory with -DANTIPHON_LLHTTP_DIR=..., or let \
CMake download it with -DANTIPHON_FETCH_DEPS=ON. antiphon::core does without (-DANTIPHON_HTTP=OFF).")
set(antiphon_llhttp_sources)
set(antiphon_llhttp_include)

# Sets antiphon_llhttp_sources and antiphon_llhttp_include from C sources in `dir`, laid out as in a release of llhttp
# (src/, include/) or flat.
macro(_antiphon_llhttp_sources_in dir)
  foreach(_antiphon_try "${dir}/src" "${dir}")
    if(NOT antiphon_llhttp_sources AND EXISTS "${_antiphon_try}/llhttp.c")
      set(antiphon_llhttp_sources "${_antiphon_try}/api.c" "${_antiphon_try}/http.c" "${_antiphon_try}/llhttp.c")
      find_path(antiphon_llhttp_include llhttp.h PATHS "${dir}/include" "${dir}" ${ARGN} NO_DEFAULT_PATH NO_CACHE)
    endif()
  endforeach()
endmacro()

set(_antiphon_target)
foreach(_antiphon_search "" package)
  if(_antiphon_search AND NOT _antiphon_target)
    find_package(llhttp CONFIG QUIET GLOBAL)
  endif()
  foreach(_antiphon_try llhttp::llhttp llhttp::llhttp_static llhttp::llhttp_shared llhttp_static llhttp_shared llhttp)
    if(NOT _antiphon_target AND TARGET ${_antiphon_try})
      set(_antiphon_target ${_antiphon_try})
    endif()
  endforeach()
endforeach()

if(_antiphon_target)
  add_library(antiphon::llhttp INTERFACE IMPORTED GLOBAL)
  target_link_libraries(antiphon::llhttp INTERFACE ${_antiphon_target})
  message(STATUS "antiphon: llhttp from the target ${_antiphon_target}")
  return()
endif()

if(ANTIPHON_LLHTTP_DIR)
  _antiphon_llhttp_sources_in("${ANTIPHON_LLHTTP_DIR}")
endif()
if(NOT antiphon_llhttp_sources) # a library without a CMake package, in that directory or in the system's
  set(_antiphon_only)
  if(ANTIPHON_LLHTTP_DIR)
    set(_antiphon_only NO_DEFAULT_PATH)
  endif()
  unset(_antiphon_header)
  unset(_antiphon_library)
  find_path(_antiphon_header llhttp.h PATHS ${ANTIPHON_LLHTTP_DIR} PATH_SUFFIXES include ${_antiphon_only} NO_CACHE)
  find_library(_antiphon_library llhttp PATHS ${ANTIPHON_LLHTTP_DIR} PATH_SUFFIXES lib lib64 ${_antiphon_only} NO_CACHE)
  if(_antiphon_header AND _antiphon_library)
    add_library(antiphon::llhttp INTERFACE IMPORTED GLOBAL)
    target_include_directories(antiphon::llhttp INTERFACE ${_antiphon_header})
    target_link_libraries(antiphon::llhttp INTERFACE ${_antiphon_library})
    message(STATUS "antiphon: llhttp in ${_antiphon_library}")
    return()
  endif()
  if(ANTIPHON_LLHTTP_DIR)
    message(FATAL_ERROR "antiphon: there is no llhttp in ANTIPHON_LLHTTP_DIR (${ANTIPHON_LLHTTP_DIR}): neither "
                        "llhttp.h with llhttp.c, api.c and http.c, nor llhttp.h with a library. The source tree of llhttp "
                        "holds no C: take a release.")
  endif()
endif()
if(NOT antiphon_llhttp_sources)
  find_path(_antiphon_debian llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH NO_CACHE)
  if(_antiphon_debian)
    _antiphon_llhttp_sources_in("${_antiphon_debian}" /usr/share/include/llhttp)
  endif()
endif()
if(NOT antiphon_llhttp_sources AND ANTIPHON_FETCH_DEPS)
  message(STATUS "antiphon: downloading llhttp")
  include(FetchContent)
  FetchContent_Declare(
    antiphon_llhttp_release
    GIT_REPOSITORY https://github.com/nodejs/llhttp.git
    GIT_TAG release/v9.4.2 # a release tag: the source tree holds no C
    GIT_SHALLOW ON
    SOURCE_SUBDIR none) # compiled here, with hidden symbols and as a part of antiphon's package
  FetchContent_MakeAvailable(antiphon_llhttp_release)
  _antiphon_llhttp_sources_in("${antiphon_llhttp_release_SOURCE_DIR}")
endif()
if(antiphon_llhttp_sources)
  list(GET antiphon_llhttp_sources 0 _antiphon_try)
  cmake_path(GET _antiphon_try PARENT_PATH _antiphon_try)
  message(STATUS "antiphon: llhttp from its C sources in ${_antiphon_try}")
endif()
