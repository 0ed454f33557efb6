# SPDX-License-Identifier: BSL-1.0
# Asio on io_uring: liburing, and the two definitions that every unit of a program must share.
if(TARGET antiphon::uring)
  return()
endif()
find_path(antiphon_uring_include liburing.h)
find_library(antiphon_uring_library uring)
mark_as_advanced(antiphon_uring_include antiphon_uring_library)
if(NOT antiphon_uring_include OR NOT antiphon_uring_library)
  message(FATAL_ERROR "antiphon: ANTIPHON_IO_URING needs liburing and did not find it. Install it (apt: liburing-dev, "
                      "vcpkg: liburing, conan: liburing), or leave ANTIPHON_IO_URING off.")
endif()
add_library(antiphon::uring INTERFACE IMPORTED GLOBAL)
target_include_directories(antiphon::uring INTERFACE ${antiphon_uring_include})
target_link_libraries(antiphon::uring INTERFACE ${antiphon_uring_library})
target_compile_definitions(antiphon::uring INTERFACE ASIO_HAS_IO_URING ASIO_DISABLE_EPOLL)
