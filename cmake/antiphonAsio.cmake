# SPDX-License-Identifier: BSL-1.0
# Finds Asio and makes antiphon::asio of it: a target that exists already, a package, ANTIPHON_ASIO_DIR, the compiler's
# own directories, and a download where ANTIPHON_FETCH_DEPS is on. Used by antiphon's build and by its installed package.
# Leaves a sentence in antiphon_asio_missing where there is none.
if(TARGET antiphon::asio)
  return()
endif()

find_package(Threads REQUIRED)
set(antiphon_asio_missing
    "antiphon needs Asio (standalone, 1.22 or newer) and did not find it. Install it (apt: libasio-dev, brew: asio, \
vcpkg: asio, conan: asio), or name its directory with -DANTIPHON_ASIO_DIR=..., or let CMake download it with \
-DANTIPHON_FETCH_DEPS=ON.")

set(_antiphon_target)
foreach(_antiphon_try asio::asio asio)
  if(NOT _antiphon_target AND TARGET ${_antiphon_try})
    set(_antiphon_target ${_antiphon_try})
  endif()
endforeach()
if(NOT _antiphon_target)
  find_package(asio CONFIG QUIET GLOBAL)
  foreach(_antiphon_try asio::asio asio)
    if(NOT _antiphon_target AND TARGET ${_antiphon_try})
      set(_antiphon_target ${_antiphon_try})
    endif()
  endforeach()
endif()

set(_antiphon_include)
if(_antiphon_target)
  get_target_property(_antiphon_include ${_antiphon_target} INTERFACE_INCLUDE_DIRECTORIES)
else()
  # The variable is of this search only: another directory must be looked at in another run.
  unset(antiphon_asio_include CACHE)
  if(ANTIPHON_ASIO_DIR)
    find_path(antiphon_asio_include asio.hpp PATHS ${ANTIPHON_ASIO_DIR} PATH_SUFFIXES include asio/include
              NO_DEFAULT_PATH NO_CACHE)
    if(NOT antiphon_asio_include)
      message(FATAL_ERROR "antiphon: there is no asio.hpp in ANTIPHON_ASIO_DIR (${ANTIPHON_ASIO_DIR}), nor in its "
                          "include/ or asio/include/.")
    endif()
  else()
    find_path(antiphon_asio_include asio.hpp NO_CACHE)
  endif()
  if(NOT antiphon_asio_include AND ANTIPHON_FETCH_DEPS)
    message(STATUS "antiphon: downloading Asio")
    include(FetchContent)
    FetchContent_Declare(
      antiphon_asio
      GIT_REPOSITORY https://github.com/chriskohlhoff/asio.git
      GIT_TAG asio-1-38-2
      GIT_SHALLOW ON
      SOURCE_SUBDIR none) # headers only: nothing of it is built
    FetchContent_MakeAvailable(antiphon_asio)
    find_path(antiphon_asio_include asio.hpp PATHS ${antiphon_asio_SOURCE_DIR}/include
              ${antiphon_asio_SOURCE_DIR}/asio/include NO_DEFAULT_PATH NO_CACHE)
  endif()
  if(NOT antiphon_asio_include)
    return()
  endif()
  set(_antiphon_include ${antiphon_asio_include})
endif()

# 0 where it cannot be told: then the definitions below are given, which do no harm.
set(_antiphon_asio_version 0)
foreach(_antiphon_try IN LISTS _antiphon_include)
  string(REGEX REPLACE "^\\$<(BUILD|INSTALL)_INTERFACE:(.*)>$" "\\2" _antiphon_try "${_antiphon_try}")
  if(EXISTS "${_antiphon_try}/asio/version.hpp")
    file(STRINGS "${_antiphon_try}/asio/version.hpp" _antiphon_line REGEX "define ASIO_VERSION [0-9]+")
    if(_antiphon_line MATCHES "ASIO_VERSION ([0-9]+)")
      set(_antiphon_asio_version ${CMAKE_MATCH_1})
    endif()
  endif()
endforeach()

add_library(antiphon::asio INTERFACE IMPORTED GLOBAL)
if(_antiphon_target)
  target_link_libraries(antiphon::asio INTERFACE ${_antiphon_target})
  message(STATUS "antiphon: Asio ${_antiphon_asio_version} from the target ${_antiphon_target}")
else()
  target_include_directories(antiphon::asio INTERFACE ${_antiphon_include})
  message(STATUS "antiphon: Asio ${_antiphon_asio_version} in ${_antiphon_include}")
endif()
target_link_libraries(antiphon::asio INTERFACE Threads::Threads)
target_compile_definitions(antiphon::asio INTERFACE ASIO_STANDALONE)
if(_antiphon_asio_version LESS 102600) # up to there it does not see that clang has coroutines
  target_compile_definitions(
    antiphon::asio INTERFACE $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_CO_AWAIT=1>
                             $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_STD_COROUTINE=1>)
endif()
