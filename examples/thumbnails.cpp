// SPDX-License-Identifier: BSL-1.0
// Work that blocks: pictures are made small on a pool of threads, two at once, while the others wait in line and the
// server goes on. Where the line is full, who comes is told when to come back. A picture is a PPM of 8 bits.
//
//   $ printf 'P6 1 1 255\nabc' | curl -s -H 'Prefer: wait=9' --data-binary @- localhost:8080/thumbnails
//   > "result":"UDYgMSAxIDI1NQphYmM=","result_base64":true,"result_type":"image/x-portable-pixmap"
//   $ printf 'P6 900 600 255\n%1620000s' > x.ppm; curl -s -X POST -T x.ppm localhost:8080/thumbnails | tee x.json
//   > "state":"(pending|running)"
//   $ J=localhost:8080/thumbnails/$(cut -d'"' -f4 x.json); curl -s -H 'Prefer: wait=9' $J -o x.json; curl -i $J/result
//   > Content-Type: image/x-portable-pixmap\s[\s\S]*\r\n\r\nP6 64 42 255\n +$
//   $ curl -s -Z -X POST -T x.ppm -o /dev/null -w '%{http_code} ' 'localhost:8080/thumbnails?[1-20]'
//   > (?=.*202)(?=.*503)
//   $ curl -s -X POST -T x.ppm --retry 9 localhost:8080/thumbnails; rm x.ppm x.json
//   > "state":"(pending|running)"
//   $ printf 'GIF89a' | curl -s -H 'Prefer: wait=9' --data-binary @- localhost:8080/thumbnails
//   > "state":"failed".*"status":422,"detail":"this is no PPM of 8 bits"
#include <antiphon/jobs.hpp>
#include <antiphon/server.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace ap = antiphon;

struct picture {
  std::size_t width, height;
  std::string bytes; // three a pixel
};
ap::payload to_payload(const picture& p) { // as GET /thumbnails/{id}/result sends it
  const auto head = "P6 " + std::to_string(p.width) + " " + std::to_string(p.height) + " 255\n";
  return ap::payload::of(head + p.bytes, "image/x-portable-pixmap");
}

picture read_picture(const std::string& file) {
  unsigned width = 0, height = 0;
  int head = 0;
  std::sscanf(file.c_str(), "P6 %5u %5u 255%n", &width, &height, &head);
  const auto begin = static_cast<std::size_t>(head) + 1, size = std::size_t{3} * width * height;
  if (head == 0 || size == 0 || file.size() != begin + size)
    throw ap::job_failure(ap::problem(ap::status::unprocessable_content, "this is no PPM of 8 bits"));
  return {width, height, file.substr(begin)};
}

/// At most 64 wide and high: each byte is the mean of those that it covers, as light, which is no linear code.
picture thumbnail(const picture& from, ap::job& job) {
  const auto longest = std::max({from.width, from.height, std::size_t{64}});
  const auto small = [&](std::size_t n) { return std::max(n * 64 / longest, std::size_t{1}); };
  picture to{small(from.width), small(from.height), {}};
  for (std::size_t y = 0; y < to.height; ++y) {
    job.throw_if_cancelled(); // nothing ends a thread from outside: it has to look
    for (std::size_t x = 0; x < 3 * to.width; ++x) {
      double light = 0, n = 0;
      for (auto v = y * from.height / to.height; v < (y + 1) * from.height / to.height; ++v)
        for (auto u = x / 3 * from.width / to.width; u < (x / 3 + 1) * from.width / to.width; ++u, ++n)
          light += std::pow(static_cast<unsigned char>(from.bytes[3 * (v * from.width + u) + x % 3]) / 255.0, 2.2);
      to.bytes += static_cast<char>(std::lround(255 * std::pow(light / n, 1 / 2.2)));
    }
    job.report(100 * (y + 1) / to.height);
  }
  return to;
}

int main(int argc, char** argv) {
  asio::io_context io;
  asio::thread_pool pool(2);
  ap::job_store<picture> jobs(io, {.max_jobs = 8, .max_running = 2, .forget_ended = true});

  ap::router app;
  const auto accept = [=, &pool](ap::request& req) {
    auto work = [file = req.take_body()](ap::job& job) { return thumbnail(read_picture(file), job); };
    return jobs.accept(req, ap::offloaded(pool, std::move(work)));
  };
  app.post("/thumbnails", accept, {.max_body = 10 * 1024 * 1024}); // max_jobs times as much may wait
  app.mount("/thumbnails", jobs.routes());
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
