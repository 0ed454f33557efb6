// SPDX-License-Identifier: BSL-1.0
// What the decoder of server-sent events costs a byte. N rounds of one stream of 1 MiB and nothing else, to count
// instructions (bars.py decoder):  decode_events N [SIZE OF AN EVENT'S DATA]
// Prints the events that were found, and nanoseconds a byte.
#include <antiphon/sse/decoder.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  const auto size = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 200);
  std::string stream;
  std::string data(size, ' ');
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>('a' + i % 26);
  for (int i = 0; stream.size() < (1u << 20); ++i)
    stream.append("id: 0123456789abcdef.0-").append(std::to_string(i)).append("\ndata: ").append(data).append("\n\n");
  std::uint64_t events = 0, bytes = 0;
  antiphon::sse::decoder decoder;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i) {
    std::string_view rest = stream;
    while (!rest.empty()) { // as it is read from a socket
      const auto piece = rest.substr(0, 64 * 1024);
      decoder.feed(piece, [&](const antiphon::sse::event& e) {
        ++events;
        bytes += e.data.size();
      });
      rest.remove_prefix(piece.size());
    }
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  const auto total = static_cast<double>(stream.size()) * rounds;
  std::printf("{\"events\":%llu,\"data\":%llu,\"bytes\":%.0f,\"ns_a_byte\":%.4f}\n",
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(bytes), total,
              total == 0 ? 0 : took.count() / total);
}
