// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/byte_buffer.hpp>
#include <antiphon/core/detail/decl.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// One field line; a view of what it was taken from.
struct field {
  std::string_view name;
  std::string_view value;
};

/// The fields of a head or of a trailer: in order, repeated where needed, found without regard to the case of names.
///
/// They are kept as they go over the wire, in one string, so that sending them is one append; none costs no allocation.
/// Views, iterators and ranges that it gives hold until it is next changed or moved. Not thread-safe.
class fields {
 public:
  class iterator;
  class named_range;

  fields() noexcept = default;
  fields(std::initializer_list<field> list) {
    for (const auto& f : list) add(f.name, f.value);
  }
  fields(const fields& other) { wire_.append(other.wire()); }
  fields(fields&& other) noexcept = default;
  fields& operator=(const fields& other) {
    fields copy(other);
    return *this = std::move(copy);
  }
  fields& operator=(fields&& other) noexcept = default;
  ~fields() = default;

  /// Adds a line at the end. Space and tab around the value are dropped.
  /// Throws std::invalid_argument if the name is no token or the value has a control byte other than tab.
  void add(std::string_view name, std::string_view value) {
    value = checked(name, value);
    if (!is_ours(name) && !is_ours(value)) return add_unchecked(name, value);
    add_unchecked(std::string(name), std::string(value));
  }

  /// Replaces all lines of that name by one at the end. Throws as `add`, and then nothing has changed.
  void set(std::string_view name, std::string_view value) {
    value = checked(name, value);
    const bool ours = !wire_.empty() && (is_ours(name) || is_ours(value));
    if (ours) {
      const std::string kept_name(name);
      const std::string kept_value(value);
      erase(kept_name);
      return add_unchecked(kept_name, kept_value);
    }
    erase(name);
    add_unchecked(name, value);
  }

  /// Adds a line that is known to be right: a token, a trimmed value without control bytes, none a view of this object.
  ANTIPHON_FORCE_INLINE void add_unchecked(std::string_view name, std::string_view value) {
    // Not string_view::copy(), which checks its arguments, and is a call where a program uses it often: what is known
    // of the sizes is lost then.
    using bytes = std::string_view::traits_type;
    char* const begin = wire_.prepare(name.size() + value.size() + 4);
    char* to = bytes::copy(begin, name.data(), name.size()) + name.size();
    *to++ = ':', *to++ = ' ';
    to = bytes::copy(to, value.data(), value.size()) + value.size();
    *to++ = '\r', *to++ = '\n';
    wire_.commit(static_cast<std::size_t>(to - begin));
  }

  /// Adds all lines of `others`, which is not this object.
  void append(const fields& others) { wire_.append(others.wire()); }

  /// Removes all lines of that name; how many there were.
  std::size_t erase(std::string_view name) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < wire_.size();) {
      const auto line = line_at(at);
      if (iequals(line.name, name)) {
        wire_.erase(at, line_size(line));
        ++count;
      } else {
        at += line_size(line);
      }
    }
    return count;
  }

  void clear() noexcept { wire_.clear(); }

  /// Makes room for that many bytes of lines.
  void reserve(std::size_t bytes) { wire_.prepare(bytes > wire_.size() ? bytes - wire_.size() : 0); }

  bool empty() const noexcept { return wire_.empty(); }

  /// The number of lines. Linear.
  std::size_t size() const noexcept {
    std::size_t count = 0;
    for (const char c : wire()) count += c == '\n';
    return count;
  }

  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  /// The value of the first line of that name.
  std::optional<std::string_view> get(std::string_view name) const noexcept {
    const char* const end = wire_.data() + wire_.size();
    for (const char* at = wire_.data(); at != end;) {
      const auto* cr = static_cast<const char*>(std::memchr(at, '\r', static_cast<std::size_t>(end - at)));
      const auto size = static_cast<std::size_t>(cr - at);
      if (size > name.size() + 1 && at[name.size()] == ':' && iequals({at, name.size()}, name))
        return std::string_view(at + name.size() + 2, size - name.size() - 2);
      at = cr + 2;
    }
    return std::nullopt;
  }

  /// The values of all lines of that name, in order. The name must outlive the range.
  named_range get_all(std::string_view name) const noexcept;

  /// The lines of that name as one list, joined by ", "; nothing if there is none. Never join Set-Cookie.
  std::optional<std::string> joined(std::string_view name) const;

  /// Whether the comma-separated list of all lines of that name has the token, without regard to case.
  bool has_token(std::string_view name, std::string_view token) const noexcept;

  /// Calls f(std::string_view) for each element of the comma-separated list of all lines of that name.
  template <class F>
  void for_each_element(std::string_view name, F f) const;

  iterator begin() const noexcept;
  iterator end() const noexcept;

  /// All lines as they are sent, each with its CRLF, without the empty line that ends a head.
  std::string_view wire() const noexcept { return wire_.view(); }

  /// The same lines in the same order; names without regard to case.
  friend bool operator==(const fields& a, const fields& b) noexcept;

 private:
  field line_at(std::size_t at) const noexcept { return parse_line(wire_.data() + at, wire_.data() + wire_.size()); }
  static std::size_t line_size(const field& f) noexcept { return f.name.size() + f.value.size() + 4; }

  // Lines are well-formed: a name has no colon, and a value no CR.
  static field parse_line(const char* line, const char* end) noexcept {
    const auto* colon = static_cast<const char*>(std::memchr(line, ':', static_cast<std::size_t>(end - line)));
    const auto* value = colon + 2;
    const auto* cr = static_cast<const char*>(std::memchr(value, '\r', static_cast<std::size_t>(end - value)));
    return {{line, static_cast<std::size_t>(colon - line)}, {value, static_cast<std::size_t>(cr - value)}};
  }

  // A view of our own text would dangle when the text grows.
  bool is_ours(std::string_view text) const noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(wire_.data());
    const auto at = reinterpret_cast<std::uintptr_t>(text.data());
    return !text.empty() && at >= begin && at - begin < wire_.size();
  }

  static std::string_view checked(std::string_view name, std::string_view value) {
    value = trim_ows(value);
    if (!is_token(name)) refuse_name(name);
    if (!detail::all_of(value, detail::value_class)) refuse_value(name);
    return value;
  }

  [[noreturn]] static void refuse_name(std::string_view name) {
    std::string shown;
    for (const char c : name.substr(0, 64)) shown += c >= 0x20 && c < 0x7f ? c : '?';
    throw std::invalid_argument("the field name \"" + shown + "\" is not a token: use letters, digits and hyphens");
  }
  [[noreturn]] static void refuse_value(std::string_view name) {
    throw std::invalid_argument("the value of the field \"" + std::string(name) +
                                "\" has a CR, LF, NUL or another control byte: remove or encode it");
  }

  v0::detail::byte_buffer wire_;
};

class fields::iterator {
 public:
  using iterator_category = std::input_iterator_tag; // reference is a value, so it is no C++17 forward iterator
  using iterator_concept = std::forward_iterator_tag;
  using value_type = field;
  using difference_type = std::ptrdiff_t;
  using pointer = const field*;
  using reference = field;

  iterator() noexcept = default;
  iterator(const char* at, const char* end) noexcept : at_(at), end_(end) { load(); }

  field operator*() const noexcept { return line_; }
  const field* operator->() const noexcept { return &line_; }
  iterator& operator++() noexcept {
    at_ += line_size(line_);
    load();
    return *this;
  }
  iterator operator++(int) noexcept {
    auto old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

 private:
  void load() noexcept { line_ = at_ == end_ ? field{} : parse_line(at_, end_); }

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  field line_;
};

/// The values of one name.
class fields::named_range {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string_view*;
    using reference = std::string_view;

    iterator() noexcept = default;
    iterator(fields::iterator at, fields::iterator end, std::string_view name) noexcept
        : at_(at), end_(end), name_(name) {
      skip();
    }
    std::string_view operator*() const noexcept { return at_->value; }
    iterator& operator++() noexcept {
      ++at_;
      skip();
      return *this;
    }
    iterator operator++(int) noexcept {
      auto old = *this;
      ++*this;
      return old;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    void skip() noexcept {
      while (at_ != end_ && !iequals(at_->name, name_)) ++at_;
    }
    fields::iterator at_, end_;
    std::string_view name_;
  };

  named_range(fields::iterator begin, fields::iterator end, std::string_view name) noexcept
      : begin_(begin, end, name), end_(end, end, name) {}
  iterator begin() const noexcept { return begin_; }
  iterator end() const noexcept { return end_; }
  bool empty() const noexcept { return begin_ == end_; }

 private:
  iterator begin_, end_;
};

inline fields::iterator fields::begin() const noexcept { return {wire_.data(), wire_.data() + wire_.size()}; }
inline fields::iterator fields::end() const noexcept {
  const auto* end = wire_.data() + wire_.size();
  return {end, end};
}
inline fields::named_range fields::get_all(std::string_view name) const noexcept { return {begin(), end(), name}; }

inline std::optional<std::string> fields::joined(std::string_view name) const {
  std::optional<std::string> out;
  for (const auto value : get_all(name)) {
    if (out) {
      out->append(", ").append(value);
    } else {
      out.emplace(value);
    }
  }
  return out;
}

inline bool fields::has_token(std::string_view name, std::string_view token) const noexcept {
  for (const auto value : get_all(name))
    if (list_has_token(value, token)) return true;
  return false;
}

template <class F>
void fields::for_each_element(std::string_view name, F f) const {
  for (auto value : get_all(name))
    while (const auto element = next_element(value)) f(*element);
}

inline bool operator==(const fields& a, const fields& b) noexcept {
  auto x = a.begin();
  auto y = b.begin();
  for (; x != a.end() && y != b.end(); ++x, ++y)
    if (!iequals(x->name, y->name) || x->value != y->value) return false;
  return x == a.end() && y == b.end();
}

} // namespace http
} // namespace v0
} // namespace antiphon
