# SPDX-License-Identifier: BSL-1.0
# Finds Asio and llhttp, in this order: a target that exists, find_package, a directory that the user names, the
# system's files, a download that the user has turned on. The installed package runs the same search.
find_package(Threads REQUIRED)

# What a developer reads when something is missing.
function(antiphon_report_missing level name apt brew vcpkg conan directory)
  message(
    ${level}
    "antiphon needs ${name}, which was not found. Install it (Debian, Ubuntu: apt install ${apt}; macOS: brew install "
    "${brew}; vcpkg: ${vcpkg}; conan: ${conan}), or name its directory with -D${directory}=..., or let CMake download "
    "it with -DANTIPHON_FETCH_DEPS=ON.")
endfunction()

# --- Asio: makes the target antiphon_asio and sets antiphon_asio_version ---------------------------------------------
macro(antiphon_find_asio)
  set(antiphon_asio_include "")
  set(antiphon_asio_target "")
  foreach(candidate asio::asio Asio::asio asio)
    if(NOT antiphon_asio_target AND TARGET ${candidate})
      set(antiphon_asio_target ${candidate})
    endif()
  endforeach()
  if(NOT antiphon_asio_target)
    find_package(asio CONFIG QUIET)
    if(TARGET asio::asio)
      set(antiphon_asio_target asio::asio)
    elseif(TARGET asio)
      set(antiphon_asio_target asio)
    endif()
  endif()
  if(antiphon_asio_target)
    get_target_property(antiphon_asio_include ${antiphon_asio_target} INTERFACE_INCLUDE_DIRECTORIES)
  elseif(ANTIPHON_ASIO_DIR)
    foreach(place include asio/include .)
      if(NOT antiphon_asio_include AND EXISTS "${ANTIPHON_ASIO_DIR}/${place}/asio/version.hpp")
        set(antiphon_asio_include "${ANTIPHON_ASIO_DIR}/${place}")
      endif()
    endforeach()
    if(NOT antiphon_asio_include)
      message(FATAL_ERROR "ANTIPHON_ASIO_DIR is '${ANTIPHON_ASIO_DIR}', but Asio's headers are neither in its include/ "
                          "nor in its asio/include/: name the directory that Asio was unpacked to.")
    endif()
  else()
    find_path(ANTIPHON_ASIO_SYSTEM_INCLUDE asio/version.hpp)
    if(ANTIPHON_ASIO_SYSTEM_INCLUDE)
      set(antiphon_asio_include "${ANTIPHON_ASIO_SYSTEM_INCLUDE}")
    elseif(ANTIPHON_FETCH_DEPS)
      include(FetchContent)
      FetchContent_Declare(antiphon_fetched_asio GIT_REPOSITORY https://github.com/chriskohlhoff/asio.git
                           GIT_TAG asio-1-30-2 GIT_SHALLOW ON SOURCE_SUBDIR none)
      FetchContent_MakeAvailable(antiphon_fetched_asio)
      set(antiphon_asio_include "${antiphon_fetched_asio_SOURCE_DIR}/asio/include")
    else()
      antiphon_report_missing(FATAL_ERROR "Asio (standalone, 1.22.1 or newer)" libasio-dev asio asio asio
                              ANTIPHON_ASIO_DIR)
    endif()
  endif()

  add_library(antiphon_asio INTERFACE)
  if(antiphon_asio_target)
    target_link_libraries(antiphon_asio INTERFACE ${antiphon_asio_target})
  else()
    target_include_directories(antiphon_asio SYSTEM INTERFACE "${antiphon_asio_include}")
  endif()
  set(antiphon_asio_version 0)
  foreach(place ${antiphon_asio_include})
    if(EXISTS "${place}/asio/version.hpp")
      file(STRINGS "${place}/asio/version.hpp" antiphon_asio_version_line REGEX "#define ASIO_VERSION [0-9]+")
      string(REGEX MATCH "[0-9]+" antiphon_asio_number "${antiphon_asio_version_line}")
      math(EXPR antiphon_asio_major "${antiphon_asio_number} / 100000")
      math(EXPR antiphon_asio_minor "${antiphon_asio_number} / 100 % 1000")
      math(EXPR antiphon_asio_patch "${antiphon_asio_number} % 100")
      set(antiphon_asio_version "${antiphon_asio_major}.${antiphon_asio_minor}.${antiphon_asio_patch}")
    endif()
  endforeach()
  if(antiphon_asio_version VERSION_GREATER 0 AND antiphon_asio_version VERSION_LESS 1.22.1)
    message(FATAL_ERROR "antiphon needs Asio 1.22.1 or newer, and found ${antiphon_asio_version} in "
                        "${antiphon_asio_include}")
  endif()
  message(STATUS "antiphon: Asio ${antiphon_asio_version}")
endmacro()

# --- llhttp: makes antiphon_llhttp (compiled here) or antiphon_llhttp_found (somebody else's) -------------------------
function(antiphon_report_missing_llhttp level)
  antiphon_report_missing(${level} "llhttp (8.1 or newer; core works without it)" node-llhttp llhttp llhttp llhttp
                          ANTIPHON_LLHTTP_DIR)
endfunction()

macro(antiphon_find_llhttp)
  set(antiphon_llhttp_target "")
  set(antiphon_llhttp_compiled OFF)
  set(antiphon_llhttp_missing OFF)
  set(antiphon_llhttp_sources "")
  foreach(attempt target package)
    if(attempt STREQUAL "package" AND NOT antiphon_llhttp_target)
      find_package(llhttp CONFIG QUIET)
    endif()
    foreach(candidate llhttp::llhttp llhttp::llhttp_static llhttp::llhttp_shared llhttp llhttp_static llhttp_shared)
      if(NOT antiphon_llhttp_target AND TARGET ${candidate})
        set(antiphon_llhttp_target ${candidate})
      endif()
    endforeach()
  endforeach()
  if(antiphon_llhttp_target)
    add_library(antiphon_llhttp_found INTERFACE)
    target_link_libraries(antiphon_llhttp_found INTERFACE ${antiphon_llhttp_target})
  else()
    if(ANTIPHON_LLHTTP_DIR)
      foreach(place "src;include" "release/src;release/include" "build/c;build" "share/llhttp;share/include/llhttp" ".;.")
        list(GET place 0 sources)
        list(GET place 1 headers)
        if(NOT antiphon_llhttp_sources AND EXISTS "${ANTIPHON_LLHTTP_DIR}/${sources}/llhttp.c"
           AND EXISTS "${ANTIPHON_LLHTTP_DIR}/${headers}/llhttp.h")
          set(antiphon_llhttp_sources "${ANTIPHON_LLHTTP_DIR}/${sources}")
          set(antiphon_llhttp_include "${ANTIPHON_LLHTTP_DIR}/${headers}")
        endif()
      endforeach()
      if(NOT antiphon_llhttp_sources)
        message(FATAL_ERROR "ANTIPHON_LLHTTP_DIR is '${ANTIPHON_LLHTTP_DIR}', but there is no src/llhttp.c with an "
                            "include/llhttp.h: name an unpacked release of llhttp (tags release/v*; the source tree "
                            "itself holds no generated C).")
      endif()
    else()
      # Debian's package node-llhttp ships the C sources.
      find_path(ANTIPHON_LLHTTP_SYSTEM_SOURCES llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
      find_path(ANTIPHON_LLHTTP_SYSTEM_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
      if(ANTIPHON_LLHTTP_SYSTEM_SOURCES AND ANTIPHON_LLHTTP_SYSTEM_INCLUDE)
        set(antiphon_llhttp_sources "${ANTIPHON_LLHTTP_SYSTEM_SOURCES}")
        set(antiphon_llhttp_include "${ANTIPHON_LLHTTP_SYSTEM_INCLUDE}")
      elseif(ANTIPHON_FETCH_DEPS)
        include(FetchContent)
        FetchContent_Declare(antiphon_fetched_llhttp GIT_REPOSITORY https://github.com/nodejs/llhttp.git
                             GIT_TAG release/v9.2.1 GIT_SHALLOW ON SOURCE_SUBDIR none)
        FetchContent_MakeAvailable(antiphon_fetched_llhttp)
        set(antiphon_llhttp_sources "${antiphon_fetched_llhttp_SOURCE_DIR}/src")
        set(antiphon_llhttp_include "${antiphon_fetched_llhttp_SOURCE_DIR}/include")
      else()
        set(antiphon_llhttp_missing ON)
      endif()
    endif()
    if(antiphon_llhttp_sources)
      enable_language(C)
      set(antiphon_llhttp_compiled ON)
      add_library(
        antiphon_llhttp STATIC "${antiphon_llhttp_sources}/api.c" "${antiphon_llhttp_sources}/http.c"
                               "${antiphon_llhttp_sources}/llhttp.c")
      add_library(antiphon::llhttp ALIAS antiphon_llhttp)
      set_target_properties(antiphon_llhttp PROPERTIES EXPORT_NAME llhttp POSITION_INDEPENDENT_CODE ON
                                                       C_VISIBILITY_PRESET hidden)
      # Before 9.0 llhttp is loose, and open to request smuggling, unless this is set in every unit of it.
      target_compile_definitions(antiphon_llhttp PRIVATE LLHTTP_STRICT_MODE=1)
      target_include_directories(
        antiphon_llhttp SYSTEM PUBLIC "$<BUILD_INTERFACE:${antiphon_llhttp_include}>"
                                      "$<INSTALL_INTERFACE:include/antiphon-llhttp>")
    endif()
  endif()
endmacro()
