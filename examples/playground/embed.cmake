# SPDX-License-Identifier: BSL-1.0
# Makes a header of the pages and of the program's own source: cmake -DFROM=<dir> -DTO=<file> -P embed.cmake
# As numbers, since compilers limit how long a string literal may be.
set(out "// Made by embed.cmake: do not edit.\n#pragma once\n\n#include <string_view>\n\nnamespace playground {\n\n")
foreach(pair IN ITEMS "page;page.html" "lanes_page;lanes.html" "jobs_page;jobs.html" "style;style.css" "script;lane.js" "source;main.cpp")
  list(GET pair 0 name)
  list(GET pair 1 file)
  file(READ "${FROM}/${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND out "inline constexpr char ${name}_bytes[] = {${bytes}};\n"
    "inline constexpr std::string_view ${name}(${name}_bytes, sizeof ${name}_bytes);\n")
endforeach()
string(APPEND out "\n} // namespace playground\n")
file(WRITE "${TO}.new" "${out}")
file(COPY_FILE "${TO}.new" "${TO}" ONLY_IF_DIFFERENT)
file(REMOVE "${TO}.new")
