// SPDX-License-Identifier: BSL-1.0
// What is uploaded goes through workers that know no one but subjects: one compresses, one makes formats of what is
// compressed, one looks for copyright meanwhile, and one tells when all is done. A page follows its video by a pattern.
//
//   $ curl -s -i -d 'holiday.mov' localhost:8080/videos
//   > 202 Accepted[\s\S]*Location: /videos/1\s
//   $ curl -s -N -m 2 localhost:8080/videos/1
//   > \.uploaded","data":"holiday.mov"[\s\S]*\.compressed"[\s\S]*\.formatted"[\s\S]*\.ready","data":"holiday.mov is
#include <antiphon/pubsub.hpp>
#include <antiphon/server.hpp>
#include <antiphon/sse.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace ap = antiphon;
using namespace std::chrono_literals;
using bus = ap::topic_map<std::string>;

// "videos.7." of "videos.7.uploaded".
std::string video_of(std::string_view subject) { return std::string(subject.substr(0, subject.rfind('.') + 1)); }

// Works on all that `pattern` tells of, one after the other, and says `done` of each.
asio::awaitable<void> work(bus videos, std::string pattern, std::string done, ap::duration effort) {
  auto tasks = videos.match(pattern).subscribe();
  for (;;) {
    const auto task = co_await tasks.async_receive(asio::use_awaitable);
    co_await ap::sleep_for(effort); // a real one would call ap::offload
    videos.publish(video_of(task.subject()) + done, *task);
  }
}

// A video is ready when it is formatted and cleared, whichever comes last.
asio::awaitable<void> notify(bus videos) {
  auto news = videos.match("videos.*.*").subscribe();
  for (std::map<std::string, int> done;;) {
    const auto m = co_await news.async_receive(asio::use_awaitable);
    const auto what = m.subject().substr(m.subject().rfind('.') + 1);
    if (what != "formatted" && what != "cleared") continue;
    const std::string video = video_of(m.subject());
    if (++done[video] < 2) continue;
    done.erase(video);
    videos.publish(video + "ready", *m + " is ready");
  }
}

void rethrow(std::exception_ptr e) { // out of run(): a worker that fails ends the program
  if (e) std::rethrow_exception(e);
}

int main(int argc, char** argv) {
  asio::io_context io;
  bus videos({.history = 100});
  asio::co_spawn(io, work(videos, "videos.*.uploaded", "compressed", 200ms), rethrow);
  asio::co_spawn(io, work(videos, "videos.*.compressed", "formatted", 100ms), rethrow);
  asio::co_spawn(io, work(videos, "videos.*.uploaded", "cleared", 150ms), rethrow);
  asio::co_spawn(io, notify(videos), rethrow);

  ap::router app;
  app.post("/videos", [=, count = 0](ap::request& req) mutable -> ap::response {
    const std::string id = std::to_string(++count);
    videos.publish("videos." + id + ".uploaded", req.take_body());
    return ap::response(ap::status::accepted).set("Location", "/videos/" + id);
  });
  app.get("/videos/{id}", [=](ap::request& req) -> ap::response {
    ap::error_code ec;
    const auto video = videos.match("videos." + std::string(req.param("id")) + ".*", ec);
    if (ec) return ap::problem(ap::status::bad_request, ec.message());
    return ap::sse::stream(video, req, {.from = ap::position::oldest});
  });
  return ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
}
