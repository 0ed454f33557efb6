// SPDX-License-Identifier: BSL-1.0
// A report of a length that nobody knows when it begins: rows are written as they are made, at the client's pace, with
// a checksum behind them, and a client that goes away ends the work.
//
//   $ curl -s 'localhost:8080/report.csv?rows=3'
//   > ^row,square\n0,0\n1,1\n2,4\n$
//   $ curl -s 'localhost:8080/report.csv?rows=1000000' | tail -n 1
//   > ^999999,999998000001$
//   $ curl -s -m 5 'localhost:8080/report.csv?rows=100000000' | head -n 2; curl -s localhost:8080/running
//   > ^row,square\n0,0\n[01]\n$
#include <antiphon/server.hpp>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace ap = antiphon;

int main(int argc, char** argv) {
  asio::io_context io;
  ap::router app;
  const auto running = std::make_shared<int>(0);

  app.get("/report.csv", [=](ap::request& req) {
    // The request is gone when the body runs: what it needs is taken by value.
    const std::string asked = req.query("rows").value_or("10");
    std::uint64_t rows = 0;
    std::from_chars(asked.data(), asked.data() + asked.size(), rows);
    auto body = [=](ap::body_writer& out) -> asio::awaitable<void> {
      struct counted { // also when it is cancelled
        int& n;
        explicit counted(int& i) : n(++i) {}
        ~counted() { --n; }
      } const here(*running);
      std::string page = "row,square\n";
      std::uint64_t sum = 0;
      for (std::uint64_t row = 0; row < rows; ++row) {
        page += std::to_string(row) + ',' + std::to_string(row * row) + '\n';
        sum += row * row;
        if (page.size() < 16 * 1024) continue;
        co_await out.write(page); // waits while the client does not read
        page.clear();
      }
      co_await out.write(page);
      ap::http::fields trailers;
      trailers.add("X-Sum", std::to_string(sum));
      out.trailers(std::move(trailers));
    };
    return ap::stream_body(std::move(body), "text/csv; charset=utf-8").set("Trailer", "X-Sum");
  });
  app.get("/running", [=] { return std::to_string(*running) + "\n"; });

  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
