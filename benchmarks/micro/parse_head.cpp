// SPDX-License-Identifier: BSL-1.0
// How much does a strict request head cost above llhttp alone?
//
//   parse_head                            times, by Google Benchmark
//   parse_head loop ours|llhttp small|browser|api|chunks N
//                                         N rounds of one case and nothing else, to count instructions:
//   valgrind --tool=callgrind --callgrind-out-file=/dev/null ./parse_head loop ours browser 10000
//   (twice, with two values of N: the difference of the totals by the difference of N is the cost of one)
#include <antiphon/http/chunk_decoder.hpp>
#include <antiphon/http/request_parser.hpp>

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

namespace http = antiphon::http;

constexpr std::string_view small = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

constexpr std::string_view browser =
    "GET /articles/2026/a-quiet-place?ref=front&page=2 HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://www.example.com/\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark\r\n"
    "\r\n";

constexpr std::string_view api = "POST /v1/orders HTTP/1.1\r\n"
                                 "Host: api.example.com:8443\r\n"
                                 "Content-Type: application/json\r\n"
                                 "Content-Length: 512\r\n"
                                 "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
                                 "\r\n";

std::string many_chunks() {
  std::string out;
  const std::string data(1024, 'x');
  for (int i = 0; i < 64; ++i) out.append("400\r\n").append(data).append("\r\n");
  return out.append("0\r\n\r\n");
}

std::string_view input(std::string_view name) { return name == "small" ? small : name == "api" ? api : browser; }

class ours {
 public:
  bool operator()(std::string_view block) {
    const bool done = parser_.parse(block, head_, ec_) == http::parse_result::done;
    benchmark::DoNotOptimize(head_);
    return done;
  }

 private:
  http::request_parser parser_;
  http::request_head head_;
  antiphon::error_code ec_;
};

/// llhttp with the callbacks that any use of it needs: the target, and the fields.
class llhttp_alone {
 public:
  llhttp_alone() {
    settings_.on_url = span;
    settings_.on_header_field = span;
    settings_.on_header_value = span;
    settings_.on_headers_complete = [](llhttp_t*) { return 1; };
    llhttp_init(&parser_, HTTP_REQUEST, &settings_);
    parser_.data = this;
  }
  bool operator()(std::string_view block) {
    count_ = 0;
    const bool done = llhttp_execute(&parser_, block.data(), block.size()) == HPE_OK;
    benchmark::DoNotOptimize(spans_);
    return done;
  }

 private:
  static int span(llhttp_t* parser, const char* at, std::size_t size) {
    auto* self = static_cast<llhttp_alone*>(parser->data);
    self->spans_[self->count_++ % 256] = {at, size};
    return 0;
  }
  llhttp_settings_t settings_{};
  llhttp_t parser_;
  std::size_t count_ = 0;
  std::string_view spans_[256];
};

bool decode_chunks(std::string_view in) {
  http::chunk_decoder decoder;
  decoder.start({}, {});
  antiphon::error_code ec;
  for (;;) {
    std::size_t used = 0;
    std::string_view data;
    const auto result = decoder.step(in, used, data, ec);
    benchmark::DoNotOptimize(data);
    in.remove_prefix(used);
    if (result == http::body_result::done) return true;
    if (result != http::body_result::data) return false;
  }
}

template <class Parser>
void parse(benchmark::State& state, std::string_view block) {
  Parser parser;
  for (auto _ : state)
    if (!parser(block)) state.SkipWithError("refused");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(block.size()));
}
void parse_ours(benchmark::State& state, std::string_view block) { parse<ours>(state, block); }
void parse_llhttp_alone(benchmark::State& state, std::string_view block) { parse<llhttp_alone>(state, block); }
BENCHMARK_CAPTURE(parse_ours, small, small);
BENCHMARK_CAPTURE(parse_llhttp_alone, small, small);
BENCHMARK_CAPTURE(parse_ours, api, api);
BENCHMARK_CAPTURE(parse_llhttp_alone, api, api);
BENCHMARK_CAPTURE(parse_ours, browser, browser);
BENCHMARK_CAPTURE(parse_llhttp_alone, browser, browser);

void chunks_of_1_kib(benchmark::State& state) {
  const auto in = many_chunks();
  for (auto _ : state)
    if (!decode_chunks(in)) state.SkipWithError("refused");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(in.size()));
}
BENCHMARK(chunks_of_1_kib);

template <class Run>
int loop(long rounds, Run run) {
  bool good = true;
  for (long i = 0; i < rounds; ++i) good &= run();
  if (!good) std::puts("refused");
  return good ? 0 : 1;
}

int loop(std::string_view who, std::string_view what, long rounds) {
  const auto text = input(what);
  if (what == "chunks") {
    const auto chunks = many_chunks();
    return loop(rounds, [&] { return decode_chunks(chunks); });
  }
  if (who == "ours") {
    ours parser;
    return loop(rounds, [&] { return parser(text); });
  }
  llhttp_alone parser;
  return loop(rounds, [&] { return parser(text); });
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::string_view(argv[1]) == "loop")
    return loop(argv[2], argv[3], std::strtol(argv[4], nullptr, 10));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
