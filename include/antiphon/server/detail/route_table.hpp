// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/target.hpp>
#include <antiphon/server/detail/fixed_answer.hpp>
#include <antiphon/server/layer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// A route's pattern, taken apart and checked: "/jobs/{id}", "/files/{path...}".
class pattern {
 public:
  enum class part : unsigned char { fixed, param, rest };
  struct segment {
    part what;
    std::string text;
  };

  explicit pattern(std::string_view text) : text_(text) {
    if (text.empty() || text.front() != '/') refuse("it must begin with '/'");
    std::string_view left = text.substr(1);
    while (true) {
      const auto slash = left.find('/');
      segments_.push_back(parse(left.substr(0, slash)));
      const bool last = slash == left.npos;
      if (segments_.back().what == part::rest && !last) refuse("'{name...}' may only stand at its end");
      if (last) break;
      left.remove_prefix(slash + 1);
    }
    check_names();
  }

  const std::string& text() const noexcept { return text_; }
  const std::vector<segment>& segments() const noexcept { return segments_; }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw std::invalid_argument("antiphon: the route pattern '" + text_ + "' is refused: " + why);
  }

  segment parse(std::string_view s) const {
    if (s.find_first_of("{}") == s.npos) {
      if (s == "." || s == "..") refuse("requests with dot segments are refused, so it would never match");
      if (s.find_first_of("?#") != s.npos) refuse("a path has neither '?' nor '#'; read queries with request::query()");
      if (s.find('%') != s.npos) refuse("write it decoded: requests are compared after percent-decoding");
      return {part::fixed, std::string(s)};
    }
    if (s.size() < 3 || s.front() != '{' || s.back() != '}') refuse("a parameter is a whole segment: '{name}'");
    s = s.substr(1, s.size() - 2);
    const bool rest = s.ends_with("...");
    if (rest) s.remove_suffix(3);
    const auto word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    if (s.empty() || !std::all_of(s.begin(), s.end(), word))
      refuse("the name of a parameter is made of letters, digits and '_'");
    return {rest ? part::rest : part::param, std::string(s)};
  }

  void check_names() const {
    std::size_t params = 0;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
      if (segments_[i].what == part::fixed) continue;
      if (++params > request::max_params) refuse("it has more than 16 parameters");
      for (std::size_t j = 0; j < i; ++j)
        if (segments_[j].what != part::fixed && segments_[j].text == segments_[i].text)
          refuse("the parameter '" + segments_[i].text + "' stands in it twice");
    }
  }

  std::string text_;
  std::vector<segment> segments_;
};

/// All routes of a served router, frozen: read by many threads.
class route_table {
 public:
  /// `r` is complete but for its pattern. Throws where the pattern has that method already.
  void add(const pattern& p, route r) {
    node* at = &root_;
    for (const auto& segment : p.segments()) {
      if (segment.what == pattern::part::rest) {
        if (!at->rest) at->rest = std::make_unique<endpoint>();
        return add_to(*at->rest, p, std::move(r));
      }
      at = segment.what == pattern::part::param ? &at->param_child() : &at->fixed_child(segment.text);
    }
    if (!at->here) at->here = std::make_unique<endpoint>();
    add_to(*at->here, p, std::move(r));
  }

  /// After the last add: answers for what no route answers, within the layers of the served router.
  void finish(const std::vector<layer*>& outer) {
    finish(root_, outer);
    not_found_ = fixed(http::status::not_found, {}, outer);
    bad_request_ = fixed(http::status::bad_request, {}, outer);
    server_options_ = fixed(http::status::no_content, allow(all_methods_), outer);
  }

  /// The route for a request whose head is parsed; fills its parameters. Never null.
  const route& find(request& req) const {
    const std::string_view path = req.path();
    if (path.empty() || path.front() != '/') {
      if (req.method() == http::method::options) return server_options_;
      return bad_request_;
    }
    matches matched; // not initialised: only what is counted is looked at
    const bool plain = http::detail::request_access::head(req).plain_path;
    if (!plain && http::has_dot_segment(path)) return bad_request_;
    const endpoint* at = plain ? descend(path, matched) : nullptr;
    if (!at) at = walk(root_, path.substr(1), matched, 0);
    if (!at) return not_found_;
    for (const auto& e : at->routes) {
      if (e.to.verb != req.method() && !(e.to.verb == http::method::get && req.method() == http::method::head))
        continue;
      for (std::size_t i = 0; i < e.names.size(); ++i)
        if (!http::detail::request_access::add_param(req, e.names[i], {matched[i].at, matched[i].size}))
          return bad_request_;
      return e.to;
    }
    return req.method() == http::method::options ? options_of(*at, req, matched) : at->not_allowed;
  }

 private:
  struct entry {
    std::vector<std::string_view> names;
    route to;
    std::unique_ptr<route> preflight; // where its layers are not just those of the served router
  };
  struct endpoint {
    std::vector<entry> routes; // those of the table do not move once it is finished
    route options, not_allowed;

    /// The route that a CORS preflight asks about, where its layers are its own.
    const entry* asked_about(const request& req) const noexcept {
      const auto verb = req.header("Access-Control-Request-Method");
      if (verb.empty()) return nullptr;
      for (const auto& e : routes)
        if (e.preflight && (verb == http::to_string(e.to.verb) || (verb == "HEAD" && e.to.verb == http::method::get)))
          return &e;
      return nullptr;
    }
  };
  struct match {
    const char* at;
    std::size_t size;
  };
  using matches = std::array<match, request::max_params>;

  struct node {
    struct child {
      std::string name;
      std::unique_ptr<node> to;
    };
    std::vector<child> fixed; // sorted
    std::unique_ptr<node> param;
    const node* empty = nullptr; // the child without a name, once frozen
    std::unique_ptr<endpoint> here, rest;

    node& fixed_child(const std::string& name) {
      const auto at = std::lower_bound(fixed.begin(), fixed.end(), name,
                                       [](const child& c, const std::string& n) { return c.name < n; });
      if (at != fixed.end() && at->name == name) return *at->to;
      return *fixed.insert(at, child{name, std::make_unique<node>()})->to;
    }
    node& param_child() {
      if (!param) param = std::make_unique<node>();
      return *param;
    }
    const node* find(std::string_view name) const noexcept { return find(name, first_word(name)); }
    /// `first`: first_word(name).
    const node* find(std::string_view name, std::uint64_t first) const noexcept {
      if (mask == 0) return nullptr;
      const std::uint64_t last = last_word(name, first);
      for (std::size_t i = hash(name.size(), first, last);; ++i) {
        const slot& at = index[i & mask];
        if (at.of == nullptr) return nullptr;
        if (at.first == first && at.last == last && at.size == name.size() &&
            (name.size() <= 16 || at.of->name == name))
          return at.of->to.get();
      }
    }
    /// Makes the index, at most half full.
    void freeze() {
      if (fixed.empty()) return;
      std::size_t size = 2;
      for (shift = 63; size < 2 * fixed.size(); size *= 2) --shift;
      mask = size - 1;
      index = std::make_unique<slot[]>(size);
      for (const auto& c : fixed) {
        if (c.name.empty()) empty = c.to.get();
        const auto first = first_word(c.name);
        const auto last = last_word(c.name, first);
        std::size_t i = hash(c.name.size(), first, last);
        while (index[i & mask].of != nullptr) ++i;
        index[i & mask] = {first, last, c.name.size(), &c};
      }
    }

    /// The first eight bytes, and zeros behind a shorter name.
    static std::uint64_t first_word(std::string_view name) noexcept {
      std::uint64_t word = 0;
      name.copy(reinterpret_cast<char*>(&word), 8);
      return word;
    }

   private:
    struct slot {
      std::uint64_t first, last;
      std::size_t size;
      const child* of;
    };
    std::unique_ptr<slot[]> index; // open addressing
    std::size_t mask = 0;          // 0: there are no children
    int shift = 0;

    static std::uint64_t last_word(std::string_view name, std::uint64_t first) noexcept {
      if (name.size() <= 8) return first;
      std::uint64_t word;
      std::memcpy(&word, name.data() + name.size() - 8, 8);
      return word;
    }
    // What is hashed comes from clients, but only the program's own names are in the table: no chain can be grown.
    std::size_t hash(std::size_t size, std::uint64_t first, std::uint64_t last) const noexcept {
      // The highest bits of the product depend on all bytes.
      return static_cast<std::size_t>((first + 3 * last + size) * 0x9e3779b97f4a7c15 >> shift);
    }
  };

  void add_to(endpoint& at, const pattern& p, route r) {
    for (const auto& other : at.routes)
      if (other.to.verb == r.verb)
        throw std::invalid_argument("antiphon: the route '" + std::string(http::to_string(r.verb)) + " " + p.text() +
                                    "' is registered twice (the first one reads '" + std::string(other.to.pattern) +
                                    "')");
    texts_.push_back(p); // a deque: what points into it stays valid
    entry made;
    made.to = std::move(r);
    made.to.pattern = texts_.back().text();
    for (const auto& segment : texts_.back().segments())
      if (segment.what != pattern::part::fixed) made.names.push_back(segment.text);
    made.to.resolve();
    all_methods_.push_back(made.to.verb);
    // GET stands before an explicit HEAD only if no HEAD was registered.
    if (made.to.verb == http::method::head) {
      at.routes.insert(at.routes.begin(), std::move(made));
    } else {
      at.routes.push_back(std::move(made));
    }
  }

  static std::string allow(std::vector<http::method> verbs) {
    verbs.push_back(http::method::options);
    if (std::find(verbs.begin(), verbs.end(), http::method::get) != verbs.end()) verbs.push_back(http::method::head);
    std::sort(verbs.begin(), verbs.end());
    verbs.erase(std::unique(verbs.begin(), verbs.end()), verbs.end());
    std::string list;
    for (const auto verb : verbs) list.append(list.empty() ? "" : ", ").append(http::to_string(verb));
    return list;
  }

  static route fixed(http::status code, std::string allowed, const std::vector<layer*>& outer) {
    route r;
    r.handle = std::make_shared<fixed_answer>(code, std::move(allowed));
    r.layers = outer;
    r.takes_body = false;
    r.resolve();
    return r;
  }

  void finish(node& at, const std::vector<layer*>& outer) {
    for (auto* e : {at.here.get(), at.rest.get()}) {
      if (!e) continue;
      std::vector<http::method> verbs;
      for (const auto& r : e->routes) verbs.push_back(r.to.verb);
      e->options = fixed(http::status::no_content, allow(verbs), outer);
      e->not_allowed = fixed(http::status::method_not_allowed, allow(verbs), outer);
      e->options.pattern = e->not_allowed.pattern = e->routes.front().to.pattern;
      for (auto& r : e->routes) {
        if (r.to.layers == outer) continue;
        r.preflight = std::make_unique<route>(fixed(http::status::no_content, allow(verbs), r.to.layers));
        r.preflight->pattern = r.to.pattern;
      }
    }
    at.freeze();
    for (auto& child : at.fixed) finish(*child.to, outer);
    if (at.param) finish(*at.param, outer);
  }

  // Where the segment at p ends, and its first_word(). Eight bytes may be read at `end`: a plain path has the version
  // of its request line behind it.
  static const char* end_of_segment(const char* p, const char* end, std::uint64_t& first) noexcept {
    const char* const begin = p;
    if constexpr (std::endian::native == std::endian::little) {
      constexpr std::uint64_t ones = 0x0101010101010101;
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      first = word;
      for (;;) {
        const std::uint64_t marks = ~((word ^ ones * '/') + ones * 0x7f) & ones * 0x80; // no byte is over 0x7f
        const auto left = static_cast<std::uint64_t>(end - p);
        const auto found = marks != 0 ? static_cast<std::uint64_t>(std::countr_zero(marks)) >> 3 : 8;
        const auto n = (std::min)(found, left);
        p += n;
        if (n != 8) break;
        std::memcpy(&word, p, 8);
      }
      if (const auto size = p - begin; size < 8) first &= ~(~std::uint64_t{0} << 8 * size);
    } else {
      while (p != end && *p != '/') ++p;
      first = node::first_word({begin, static_cast<std::size_t>(p - begin)});
    }
    return p;
  }

  // The way that is tried first, in one pass over a path in which nothing is encoded: where it leads to an endpoint,
  // walk() would have found the same.
  const endpoint* descend(std::string_view path, matches& matched) const noexcept {
    const node* at = &root_;
    std::size_t filled = 0;
    const char* p = path.data() + 1;
    const char* const end = path.data() + path.size();
    for (;;) {
      const char* const begin = p;
      std::uint64_t word;
      p = end_of_segment(p, end, word);
      const auto size = static_cast<std::size_t>(p - begin);
      const node* child = size != 0 ? at->find({begin, size}, word) : at->empty;
      if (!child) {
        if (!at->param || size == 0) return nullptr;
        matched[filled++] = {begin, size};
        child = at->param.get();
      }
      if (p == end) return child->here.get();
      at = child;
      ++p;
    }
  }

  // Static beats {x} beats {x...}, with a way back: depth and work are bounded by the patterns, which the program
  // wrote.
  static const endpoint* walk(const node& at, std::string_view left, matches& matched, std::size_t filled) {
    const auto slash = left.find('/');
    const std::string_view raw = left.substr(0, slash);
    const bool last = slash == left.npos;
    const std::string_view after = last ? std::string_view() : left.substr(slash + 1);
    const auto enter = [&](const node* child, std::size_t n) -> const endpoint* {
      return !child ? nullptr : last ? child->here.get() : walk(*child, after, matched, n);
    };
    if (raw.find('%') == raw.npos) {
      if (const auto* found = enter(at.find(raw), filled)) return found;
    } else if (const auto plain = http::percent_decode(raw)) {
      if (const auto* found = enter(at.find(*plain), filled)) return found;
    }
    if (at.param && !raw.empty()) {
      matched[filled] = {raw.data(), raw.size()};
      if (const auto* found = enter(at.param.get(), filled + 1)) return found;
    }
    if (at.rest) matched[filled] = {left.data(), left.size()};
    return at.rest.get();
  }

  const route& options_of(const endpoint& at, request& req, const matches& matched) const {
    const entry* const asked = at.asked_about(req);
    if (!asked) return at.options;
    for (std::size_t i = 0; i < asked->names.size(); ++i) // its layers may ask for them
      if (!http::detail::request_access::add_param(req, asked->names[i], {matched[i].at, matched[i].size}))
        return bad_request_;
    return *asked->preflight;
  }

  node root_;
  std::deque<pattern> texts_;
  std::vector<http::method> all_methods_;
  route not_found_, bad_request_, server_options_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
