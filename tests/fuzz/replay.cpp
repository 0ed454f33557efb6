// SPDX-License-Identifier: BSL-1.0
// Runs a fuzz target over the files of the folders that are named, without a fuzzer: `replay FOLDER...`. A folder
// without a file is an error, as then nothing was tested.
#include "fuzz.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    std::size_t here = 0;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++here;
    }
    if (here == 0) {
      std::fprintf(stderr, "replay: no file in %s\n", argv[i]);
      return 1;
    }
    files += here;
  }
  if (files == 0) {
    std::fprintf(stderr, "usage: replay FOLDER...\n");
    return 1;
  }
  std::printf("%zu inputs replayed\n", files);
  return 0;
}
