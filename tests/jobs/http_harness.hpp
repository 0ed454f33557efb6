// SPDX-License-Identifier: BSL-1.0
// Jobs behind a server in memory, in virtual time.
#pragma once

#include "../support/server_harness.hpp"

#include <antiphon/jobs.hpp>

#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon_tests {

/// JSON of jobs with ID and TIME in the places of ids and of times of day, so that it can be compared.
inline std::string without_ids(std::string_view text) {
  const auto like = [&](std::size_t at, std::string_view form) {
    if (text.size() - at < form.size()) return false;
    for (std::size_t i = 0; i < form.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[at + i]);
      const bool fits = form[i] == 'x'   ? std::isdigit(c) || (c >= 'a' && c <= 'f')
                        : form[i] == '0' ? std::isdigit(c) != 0
                                         : form[i] == text[at + i];
      if (!fits) return false;
    }
    return true;
  };
  constexpr std::string_view id = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", time = "0000-00-00T00:00:00Z";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (like(at, id)) {
      out += "ID";
      at += id.size();
    } else if (like(at, time)) {
      out += "TIME";
      at += time.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

/// A store of texts with its routes at /jobs. POST /jobs takes the job that `work` is at that moment; it is called with
/// the body.
class jobs_over_http : public in_memory {
 protected:
  using text_jobs = ap::job_store<std::string>;
  using text_work = asio::awaitable<std::string> (*)(ap::job&, std::string body);

  ap::job_store_options options;
  ap::job_options how;
  text_work work = sleeps;
  std::optional<text_jobs> store_;

  const text_jobs& store() {
    if (store_) return *store_;
    store_.emplace(s.io, options);
    store_->on_error([this](const ap::job_status& of, std::exception_ptr) { failed.push_back(of.what); });
    return *store_;
  }
  void open(std::string_view prefix = "/jobs") {
    app.post(prefix, [this](ap::request& req) { return take(req); });
    app.mount(prefix, store().routes());
  }
  ap::response take(ap::request& req) {
    return store().accept(
        req, [f = work, body = req.take_body()](ap::job& j) { return f(j, body); }, how);
  }

  reply submit(std::string_view body = {}, std::string_view fields = {}) { return s.ask(post("/jobs", body, fields)); }
  /// The path of a new job.
  std::string begin(std::string_view body = {}, std::string_view fields = {}) {
    const auto answer = submit(body, fields);
    EXPECT_EQ(answer.code, 202) << answer.body;
    return answer.header("Location");
  }
  reply ask(std::string_view path, std::string_view fields = {}) { return s.ask(get(path, fields)); }
  reply cancel(std::string_view path) { return s.ask(head_of("DELETE", path)); }
  /// A connection that has sent, and is not answered yet.
  wire& waits(std::string_view bytes) {
    auto& w = s.client();
    w.send(bytes);
    EXPECT_EQ(w.now(), "");
    return w;
  }
  wire& waits_for(std::string_view path, std::string_view fields = "Prefer: wait=20\r\n") {
    return waits(get(path, fields));
  }

  static asio::awaitable<std::string> sleeps(ap::job&, std::string body) {
    co_await ap::sleep_for(10s);
    co_return "slept " + body;
  }
  static asio::awaitable<std::string> at_once(ap::job&, std::string body) { co_return body; }
  /// 10 … 90, one a second.
  static asio::awaitable<std::string> counts(ap::job& job, std::string) {
    for (int percent = 10; percent < 100; percent += 10) {
      co_await ap::sleep_for(1s);
      job.report(percent);
    }
    co_await ap::sleep_for(1s);
    co_return "counted";
  }

  std::vector<std::string> failed; ///< what on_error was told
};

} // namespace antiphon_tests
