// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/concepts.hpp>
#include <antiphon/core/detail/random_id.hpp>
#include <antiphon/core/directory.hpp>
#include <antiphon/core/offload.hpp>
#include <antiphon/http/conditional.hpp>
#include <antiphon/http/date.hpp>
#include <antiphon/http/file_type.hpp>
#include <antiphon/http/joined_lines.hpp>
#include <antiphon/http/range.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/server/detail/found_file.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// How files() serves a folder. Texts must outlive the server: literals, as a rule.
struct files_options {
  std::string_view index = {};    ///< the file that a folder stands for, "index.html"; empty: folders are 404
  std::string_view fallback = {}; ///< sent where there is none, for names without a dot: a page with its own routes
  std::string_view cache_control = {};  ///< the field Cache-Control: "no-cache", "public, max-age=3600"; empty: none
  bool precompressed = false;           ///< also look for NAME.br, NAME.zst, NAME.gz, not older than the file itself
  bool dot_files = false;               ///< serve names that begin with a dot as well
  std::size_t in_one_write = 32 * 1024; ///< bytes of a file that are read at once, where they are in memory
  std::string_view param = "path";      ///< the name in the route's `{path...}`
};
static_assert(std::is_trivially_destructible_v<files_options>);

/// The handler that files() makes. A handle: copies serve the same folder.
class files_handler {
 public:
  files_handler(const std::string& folder, asio::any_io_executor pool, const files_options& options)
      : state_(std::make_shared<const state>(folder, std::move(pool), options)) {}

  asio::awaitable<response> operator()(request& req) const {
    const auto at = state_; // the frame's own
    const auto path = req.param(at->options.param);
    if (detail::hides_a_separator(req.path()) || (!at->options.dot_files && detail::has_dot_name(path)))
      co_return status::not_found;
    detail::file_wish wish{std::string(path), {}};
    if (at->options.precompressed) wish.take = codings_of(req);
    auto look = [at, wish = std::move(wish)] {
      return detail::look_for(at->root, wish, at->options.index, at->options.fallback);
    };
    detail::found_file found = co_await offload(at->pool, look);
    co_return answer(*at, req, std::move(found));
  }

 private:
  struct state {
    state(const std::string& folder, asio::any_io_executor p, const files_options& o)
        : root(folder), pool(std::move(p)), options(o) {
      for (const auto name : {o.index, o.fallback})
        if (!name.empty() && !detail::is_path_beneath(name))
          throw std::invalid_argument("antiphon: files(): index and fallback are names beneath the folder, not '" +
                                      std::string(name) + "'");
      if (!http::is_field_value(o.cache_control))
        throw std::invalid_argument("antiphon: files_options::cache_control has a control byte, or blanks at its ends");
      if (!o.cache_control.empty()) always.add("Cache-Control", o.cache_control);
      if (o.precompressed) always.add("Vary", "Accept-Encoding");
    }
    directory root;
    asio::any_io_executor pool;
    files_options options;
    http::fields always; ///< what a file's answers have, also the one that it has not changed
  };

  static detail::wanted_codings codings_of(const request& req) {
    const auto all = http::joined_lines(req, "Accept-Encoding");
    return all ? detail::wanted_codings(*all) : detail::wanted_codings();
  }

  /// Of what tells one version of a file from the others. A hash: how disks number files is nobody's business.
  /// A file that has changed within the last second may change again and look the same, so its tag is weak.
  static std::string tag_of(const file& f, std::chrono::system_clock::time_point now) {
    std::uint64_t hash = 0;
    for (const std::uint64_t part :
         {static_cast<std::uint64_t>(f.modified().time_since_epoch().count()), f.size(), f.id()}) {
      hash = (hash ^ part) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 32;
      hash *= 0xd6e8feb86659fd93;
      hash ^= hash >> 29;
    }
    std::string tag(f.modified() + std::chrono::seconds(1) < now ? "\"" : "W/\"");
    const detail::hex_id digits({hash, 0});
    return tag.append(std::string_view(digits).substr(0, 16)) += '"';
  }

  static response answer(const state& at, const request& req, detail::found_file found) {
    if (found.is_folder) {
      std::string to(req.path());
      to += '/';
      if (!req.query().empty()) to.append("?").append(req.query());
      return http::redirect(to, status::moved_permanently);
    }
    if (found.ec) throw system_error(found.ec, "antiphon: opening a file");
    if (!found.opened.is_open()) return status::not_found;
    const auto exactly = std::chrono::system_clock::now();
    const auto now = std::chrono::floor<std::chrono::seconds>(exactly);
    const auto tag = tag_of(found.opened, exactly);
    // A date in the future is none that may be sent.
    const auto modified = (std::min)(std::chrono::floor<std::chrono::seconds>(found.opened.modified()), now);

    http::preconditions asked({true, http::entity_tag::parse(tag), modified, now});
    std::string_view range;
    bool ranges = false;
    req.for_each_header([&](std::string_view name, std::string_view value) {
      asked.field(name, value);
      if (!http::iequals(name, "Range")) return;
      range = ranges ? std::string_view() : value; // repeated: none
      ranges = true;
    });
    response out;
    switch (asked.result(req.method())) {
    case http::precondition::failed: return status::precondition_failed;
    case http::precondition::not_modified: out = status::not_modified; break;
    case http::precondition::ignore_range: range = {}; [[fallthrough]];
    case http::precondition::proceed: out = content(at, req.method(), std::move(found), range); break;
    }
    out.add_unchecked("ETag", tag);
    out.add_unchecked("Last-Modified", http::date_text(modified).view());
    out.add_unchecked(at.always);
    return out;
  }

  static response content(const state& at, method verb, detail::found_file found, std::string_view range) {
    const auto type = http::file_type(found.name);
    const auto f = std::make_shared<const file>(std::move(found.opened));
    const bool gets = verb == method::get; // HEAD has no ranges, and nothing is read for it
    const auto set = gets ? http::range_set::parse(range, f->size()) : http::range_set();
    response out;
    switch (set.what()) {
    case http::range_set::kind::unsatisfied:
      out = status::range_not_satisfiable;
      out.add_unchecked("Content-Range", http::unsatisfied_range(f->size()));
      return out;
    case http::range_set::kind::whole:
      out = piece(at, status::ok, f, {0, f->size()}, type, gets);
      out.add_unchecked("Accept-Ranges", "bytes");
      break;
    case http::range_set::kind::partial:
      if (set.ranges().size() == 1) {
        out = piece(at, status::partial_content, f, set.ranges().front(), type, gets);
        out.add_unchecked("Content-Range", http::content_range(set.ranges().front(), f->size()));
      } else {
        out = parts(at, f, set, type);
      }
      break;
    }
    if (!found.coding.empty()) out.add_unchecked("Content-Encoding", found.coding);
    out.add_unchecked("X-Content-Type-Options", "nosniff");
    return out;
  }

  static response piece(const state& at, status code, const std::shared_ptr<const file>& f, http::byte_range range,
                        std::string_view type, bool gets) {
    if (gets && range.size <= at.options.in_one_write) {
      std::string bytes(static_cast<std::size_t>(range.size), '\0');
      error_code ec;
      if (f->read_now(range.first, asio::buffer(bytes), ec) == bytes.size() && !ec)
        return response(code, std::move(bytes), type);
    }
    file_body body;
    body.add(f, range.first, range.size).read_on(at.pool);
    return response(code, std::move(body), type);
  }

  static response parts(const state& at, const std::shared_ptr<const file>& f, const http::range_set& set,
                        std::string_view type) {
    const http::byteranges frame(set.ranges(), f->size(), type, std::string(std::string_view(detail::random_id())));
    file_body body;
    for (std::size_t i = 0; i < set.ranges().size(); ++i)
      body.add(frame.before(i)).add(f, set.ranges()[i].first, set.ranges()[i].size);
    body.add(frame.end()).read_on(at.pool);
    response out(status::partial_content, std::move(body), std::string_view());
    out.set("Content-Type", frame.content_type());
    return out;
  }

  std::shared_ptr<const state> state_;
};

/// Serves the files beneath a folder: `app.get("/static/{path...}", ap::files("./public", pool))`.
///
/// With ETag and Last-Modified, 304 and 412, ranges (206, 416), content types by extension, and, by the options, an
/// index, compressed files that stand beside, and Cache-Control. Nothing outside the folder is ever served: see
/// directory; what must not be served is 404, whatever the reason. Folders are never listed.
///
/// `pool`: where files are looked up, and read where they are not in memory: an asio::thread_pool or an executor. It
/// must outlive the server. Throws system_error where there is no such folder. Thread safety: a handle.
/// Source: RFC 9110, sections 13 and 14. Example: examples/static_files.cpp
template <class Pool>
files_handler files(const std::string& folder, Pool&& pool, const files_options& options = {}) {
  static_assert(
      executor<Pool> || has_executor<Pool>,
      "files: its second argument is where files are looked up and read: an asio::thread_pool, or an executor");
  if constexpr (executor<Pool> || has_executor<Pool>)
    return files_handler(folder, detail::pool_executor(pool), options);
}

} // namespace v0
} // namespace antiphon
