// SPDX-License-Identifier: BSL-1.0
// What jobs are over HTTP: what it does.
#pragma once

#include <antiphon/core/timeout.hpp>
#include <antiphon/http/etag.hpp>
#include <antiphon/http/percent.hpp>
#include <antiphon/http/prefer.hpp>
#include <antiphon/jobs/detail/held_job.hpp>
#include <antiphon/jobs/detail/job_routes.hpp>
#include <antiphon/sse/stream.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace jobs {
namespace detail {

/// The path of a request, without what may not stand in a link. Two slashes at its front would name a server.
inline std::string uri_path(std::string_view path) {
  std::string clean(path.substr(0, 2) == "//" ? "/." : "");
  for (const char c : path) {
    if (c == '%' || c == '/') {
      clean.push_back(c);
    } else {
      http::percent_encode(clean, std::string_view(&c, 1), http::encode_set::path);
    }
  }
  while (clean.ends_with('/')) clean.pop_back();
  return clean;
}

/// The key: a text in quotes, as the draft has it, or as it is. Nothing where there is none.
inline std::optional<std::string> idempotency_key(const http::request& req, error_code& ec) {
  std::optional<std::string> key;
  req.for_each_header([&](std::string_view name, std::string_view value) {
    if (!http::iequals(name, "Idempotency-Key")) return;
    if (key) ec = error::bad_key;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const auto visible = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; };
    if (value.empty() || value.size() > 255 || !std::all_of(value.begin(), value.end(), visible)) ec = error::bad_key;
    key = std::string(value);
  });
  return key;
}

inline v0::detail::wide payload_hash(const http::request& req) {
  const auto body = req.digest();
  std::string all(http::to_string(req.method()));
  all.append("\n").append(req.target()).append("\n").append(req.header("Content-Type")).append("\n");
  for (const std::uint64_t n : {std::uint64_t{body.size}, body.hash.first, body.hash.second})
    all.append(std::to_string(n)).append(" ");
  return v0::detail::siphash<2, 4>({}, all);
}

/// How long the client is let wait, in seconds; zero: it does not ask for it.
inline std::uint32_t wait_of(const job_store_state& store, const http::request& req) {
  const auto asked = http::preferred_wait(req);
  if (!asked) return 0;
  const auto most = std::chrono::floor<std::chrono::seconds>(store.table->options.hold).count();
  return static_cast<std::uint32_t>((std::min)(std::int64_t{*asked}, std::int64_t{most}));
}

inline http::response refused(const error_code& ec) {
  if (ec == error::bad_key) return http::problem(http::status::bad_request, ec.message());
  if (ec == error::key_reused) return http::problem(http::status::unprocessable_content, ec.message());
  return come_back_later(ec == error::shutting_down ? "the server is stopping" : ec.message());
}

ANTIPHON_DECL http::response accept_job(const job_store_ptr& store, const http::request& req,
                                        counted_ptr<job_record> r) {
  error_code ec;
  r->input += req.digest().size;
  if (const auto key = idempotency_key(req, ec)) {
    r->key = std::string(r->options.scope) + '\n' + *key;
    r->payload_hash = payload_hash(req);
  }
  const auto place = uri_path(r->options.at.empty() ? req.path() : r->options.at);
  if (!ec) r = store->table->add(std::move(r), ec);
  if (ec) return refused(ec);
  job_answer how{place, true};
  const auto wait = wait_of(*store, req);
  if (wait == 0 || is_over(r->state)) return how.make(*r, 0, wait);
  return http::response(std::make_unique<held_job>(std::move(r), std::move(how), 0, wait));
}

inline http::response no_such_job() {
  return http::problem(http::status::not_found, make_error_code(error::no_such_job).message());
}

/// The path of the routes, of a request for one job. A string of its own: many of them wait, and most are short.
inline std::string place_of(const http::request& req) {
  const auto path = uri_path(req.path());
  return path.substr(0, path.rfind('/'));
}

inline http::response answer_status(const job_store_ptr& store, const http::request& req, counted_ptr<job_record> r) {
  job_answer how{place_of(req), false};
  std::uint32_t seen = 0;
  const auto version = r->version.load(std::memory_order_acquire);
  req.for_each_header([&](std::string_view name, std::string_view value) {
    if (!http::iequals(name, "If-None-Match")) return;
    if (http::trim_ows(value) == "*") seen = version;
    while (const auto tag = http::next_entity_tag(value))
      if ('"' + std::string(tag->opaque()) + '"' == tag_of(version)) seen = version;
  });
  const bool asks = req.has_header("If-None-Match");
  const auto wait = wait_of(*store, req);
  // Who knows another version is told this one at once.
  if (wait == 0 || is_over(r->state) || (asks && seen == 0)) return how.make(*r, seen, wait);
  return http::response(std::make_unique<held_job>(std::move(r), std::move(how), seen, wait));
}

inline http::response answer_result(job_record& r) {
  const auto s = r.table->status(r);
  if (s.state == job_state::succeeded) {
    const payload p = r.result();
    http::response res(http::status::ok, std::string(p.bytes()), std::string_view());
    return std::move(res).set("Content-Type", p.type()).set("Cache-Control", "no-store");
  }
  if (s.error) return *s.error;
  http::response res(
      http::problem(http::status::conflict, "the job has no result yet: it is " + std::string(to_string(s.state))));
  return std::move(res).set("Retry-After", whole_seconds(r.table->options.pace));
}

inline http::response answer_cancel(const http::request& req, job_record& r) {
  r.table->cancel(r, job_stop::asked);
  auto res = job_answer{place_of(req), false}.make(r, 0, 0);
  if (!is_over(r.state)) res.status(http::status::accepted);
  return res;
}

inline http::response answer_list(const job_store_ptr& store, const http::request& req, job_list_hook& hook) {
  if (!hook.allows(req)) return http::problem(http::status::forbidden, "this list is not for everybody");
  const auto number = [&](std::string_view name, std::uint64_t otherwise) -> std::optional<std::uint64_t> {
    const auto text = req.query(name);
    return text ? http::parse_decimal(*text) : otherwise;
  };
  const auto limit = number("limit", 100);
  const auto before = number("before", ~std::uint64_t{0});
  const auto wanted = req.query("state");
  const auto state = wanted ? parse_job_state(*wanted) : std::nullopt;
  if (!limit || *limit == 0 || *limit > 1000 || !before || (wanted && !state))
    return http::problem(http::status::bad_request,
                         "the list takes limit (1 to 1000), before (a number) and state (pending, running, succeeded, "
                         "failed, cancelled)");
  auto& table = *store->table;
  const auto found = table.list(state, *before, static_cast<std::size_t>(*limit));
  std::string out("{\"jobs\":[");
  for (const auto& r : found) {
    if (out.back() == '}') out.push_back(',');
    const auto s = table.status(*r, true);
    out.append(status_json(s, nullptr));
    if (s.what.empty()) continue;
    out.back() = ',';
    out.append("\"what\":");
    http::detail::append_string(out, s.what);
    out.push_back('}');
  }
  out.append("]}");
  auto res = http::json(std::move(out));
  res.set("Cache-Control", "no-store");
  if (found.size() == *limit)
    res.set("Link", "<?" + (state ? "state=" + *wanted + '&' : std::string()) + "limit=" + std::to_string(*limit) +
                        "&before=" + std::to_string(found.back()->number) + ">; rel=\"next\"");
  return res;
}

ANTIPHON_DECL router job_routes(job_store_ptr store, std::shared_ptr<job_list_hook> may_list) {
  router made;
  // Calls f(request, job) for the job that the path names.
  const auto of_job = [store](auto f) {
    return [store, f](http::request& req) -> http::response {
      const auto id = parse_job_id(req.param("id"));
      auto found = id ? store->table->find(*id) : counted_ptr<job_record>();
      return found ? f(store, req, std::move(found)) : no_such_job();
    };
  };
  using record = counted_ptr<job_record>;
  made.get("/{id}", of_job([](const job_store_ptr& s, http::request& req, record r) {
             return answer_status(s, req, std::move(r));
           }));
  made.get("/{id}/events", of_job([](const job_store_ptr&, http::request& req, record r) {
             // Its end comes while the server drains, and is not to be missed.
             return sse::stream(r->table->events(*r), req, {.from = position::oldest, .until_closed = true});
           }));
  made.get("/{id}/result", of_job([](const job_store_ptr&, http::request&, record r) { return answer_result(*r); }));
  made.del("/{id}", of_job([](const job_store_ptr&, http::request& req, record r) { return answer_cancel(req, *r); }));
  if (may_list) made.get("/", [store, may_list](http::request& req) { return answer_list(store, req, *may_list); });
  made.on_drain([store](duration limit) {
    // At once: who waits is told of the drain, too, and looks whether the store has begun with it.
    store->table->begin_drain();
    // In less time than there is, so that those who are cancelled can still end, and their clients hear of it.
    const duration tenth = limit / 10;
    return drain_jobs(store, 8 * tenth, (std::min)(store->table->options.grace, tenth));
  });
  return made;
}

inline asio::awaitable<void> rest(job_store_ptr store) {
  const notifier idle = store->table->idle();
  for (auto seen = idle.count(); !store->table->at_rest(); seen = idle.count())
    co_await idle.async_wait(seen, asio::use_awaitable);
}

/// False: the time was over before.
inline asio::awaitable<bool> rest_within(job_store_ptr store, duration limit) {
  try {
    co_await with_timeout(limit, rest(std::move(store)));
  } catch (const system_error& e) {
    if (e.code() != asio::error::timed_out) throw;
    co_return false;
  }
  co_return true;
}

ANTIPHON_DECL asio::awaitable<void> drain_jobs(job_store_ptr store, duration limit, duration grace) {
  auto& table = *store->table;
  table.begin_drain();
  std::exception_ptr cut;
  try {
    if (co_await rest_within(store, limit)) co_return;
  } catch (...) {
    cut = std::current_exception();
  }
  table.cancel_all(job_stop::shutting_down, grace);
  if (cut) std::rethrow_exception(cut);
  co_await rest_within(store, grace);
}

} // namespace detail
} // namespace jobs
} // namespace v0
} // namespace antiphon
