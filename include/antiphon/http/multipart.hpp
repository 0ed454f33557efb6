// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/detail/find_crlf.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/multipart_head.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What a multipart body may cost beside the bytes of its parts, which the limit of the body bounds.
struct multipart_limits {
  std::uint32_t parts = 100;          ///< more: error::too_many_parts (413)
  std::uint32_t part_head = 8 * 1024; ///< bytes of one part's head with its CRLFs: error::part_head_too_large (413)
  /// Bytes before the first boundary, and as many after the last: error::bytes_outside_parts (413).
  std::uint32_t outside = 8 * 1024;
  /// Whether every part is a field of a form and has a name; false for other kinds of multipart.
  bool names = true;
};
static_assert(std::is_trivially_destructible_v<multipart_limits>);

/// Whether the text can be a boundary: RFC 2046, section 5.1.1.
constexpr bool is_boundary(std::string_view text) noexcept {
  if (text.empty() || text.size() > 70 || text.back() == ' ') return false;
  for (const char c : text)
    if (!detail::is_a(c, detail::alpha_class | detail::digit_class) &&
        std::string_view("'()+_,-./:=? ").find(c) == std::string_view::npos)
      return false;
  return true;
}

/// The boundary that a Content-Type names.
///
/// Errors:     error::unsupported_media_type (415) if it is not `essence`; error::bad_boundary (400) if it has none,
///             more than one, or one that cannot be.
inline std::string multipart_boundary(std::string_view content_type, error_code& ec,
                                      std::string_view essence = "multipart/form-data") {
  ec = {};
  const auto type = media_type::parse(content_type);
  if (!type || !type->is(essence)) {
    // One whose parameters are broken is a form all the same, and hears what is wrong with it.
    const bool meant = iequals(trim_ows(content_type.substr(0, content_type.find(';'))), essence);
    ec = meant ? error::bad_boundary : error::unsupported_media_type;
    return {};
  }
  std::string out;
  int count = 0;
  parameter p;
  parameter_reader reader(type->parameters());
  while (reader.next(p))
    if (iequals(p.name, "boundary")) out = p.text(), ++count;
  if (count == 1 && is_boundary(out)) return out;
  ec = error::bad_boundary;
  return {};
}

enum class multipart_event {
  more,     ///< all of the input is taken: give the next piece, or finish()
  part,     ///< a part begins: head()
  data,     ///< bytes of it: data()
  part_end, ///< the part is whole
  end,      ///< the body is whole; what follows is dropped
  failed,
};

/// Reads a multipart body piece by piece, however it was cut.
///
///     while (true) switch (parser.next(piece, ec)) { … }
///
/// Bytes of parts are views: of the piece that was given, or of the parser where the start of what looked like a
/// boundary came in an earlier piece; nothing is copied, and only heads are kept. Every line must end with CRLF, and a
/// boundary that is followed by anything but spaces and CRLF or by "--" is an error, as readers differ on what it
/// means.
///
/// Source: RFC 2046, section 5.1, and RFC 7578. Example: examples/image_form.cpp
class multipart_parser {
 public:
  /// Throws std::invalid_argument for a boundary that cannot be: take multipart_boundary().
  explicit multipart_parser(std::string_view boundary, multipart_limits limits = {}) : limits_(limits) {
    if (!is_boundary(boundary))
      throw std::invalid_argument("antiphon: a multipart boundary has 1 to 70 letters, digits, spaces inside and "
                                  "\"'()+_,-./:=?\": take it from multipart_boundary()");
    delimiter_.append("\r\n--").append(boundary);
  }

  /// Takes from the front of `in` what the next event needs. After `failed` and `end` it stays there.
  multipart_event next(std::string_view& in, error_code& ec) {
    while (true) {
      switch (state_) {
      case state::outside:
        switch (find(in)) {
        case found::data:
          if (!count_outside(data_.size())) return fail(error::bytes_outside_parts, ec);
          continue;
        case found::delimiter: after(state::delimited); continue;
        case found::nothing: return multipart_event::more;
        }
        continue;
      case state::data:
        switch (find(in)) {
        case found::data: return multipart_event::data;
        case found::delimiter: after(state::delimited); return multipart_event::part_end;
        case found::nothing: return multipart_event::more;
        }
        continue;
      case state::delimited:
        if (in.empty()) return multipart_event::more;
        if (!after_delimiter(take(in))) return fail(error::bad_part_delimiter, ec);
        if (state_ == state::head && ++parts_ > limits_.parts) return fail(error::too_many_parts, ec);
        if (state_ == state::over) return multipart_event::end;
        continue;
      case state::head:
        if (in.empty()) return multipart_event::more;
        if (const auto why = read_line(in); why != error{}) return fail(why, ec);
        if (state_ == state::data) return multipart_event::part;
        continue;
      case state::over:
        if (in.empty()) return multipart_event::end;
        if (!count_outside(in.size())) return fail(error::bytes_outside_parts, ec);
        in = {};
        return multipart_event::end;
      case state::failed: ec = why_; return multipart_event::failed;
      }
    }
  }

  /// The part that began last.
  const multipart_head& head() const noexcept { return head_; }
  /// What the event `data` is about; until the next call.
  std::string_view data() const noexcept { return data_; }
  /// Whether the last boundary has come.
  bool done() const noexcept { return state_ == state::over; }
  /// No more input comes: error::incomplete_multipart unless it was done, or what it failed with.
  error_code finish() const noexcept {
    if (state_ == state::over) return {};
    return state_ == state::failed ? why_ : make_error_code(error::incomplete_multipart);
  }

 private:
  enum class state : unsigned char { outside, delimited, head, data, over, failed };
  enum class found { data, delimiter, nothing };

  multipart_event fail(error why, error_code& ec) {
    state_ = state::failed;
    why_ = why;
    ec = why_;
    return multipart_event::failed;
  }
  void after(state s) noexcept {
    state_ = s;
    outside_ = 0;
    last_ = '\0';
    lines_.clear();
    line_ = 0;
  }
  static char take(std::string_view& in) noexcept {
    const char c = in.front();
    in.remove_prefix(1);
    return c;
  }
  bool count_outside(std::size_t n) noexcept {
    outside_ += n;
    return outside_ <= limits_.outside;
  }

  /// What stands before the next delimiter, or that delimiter. Only its first byte is a CR, so what began to look like
  /// one and is none holds no start of another.
  found find(std::string_view& in) noexcept {
    if (matched_ > 0) {
      const std::string_view wanted = std::string_view(delimiter_).substr(matched_);
      const auto same = common(in, wanted);
      in.remove_prefix(same);
      matched_ += same;
      if (same == wanted.size()) {
        matched_ = virtual_ = 0;
        return found::delimiter;
      }
      if (in.empty()) return found::nothing;
      const auto fresh = std::exchange(virtual_, 0); // the CRLF before the first line never came
      data_ = std::string_view(delimiter_).substr(fresh, matched_ - fresh);
      matched_ = 0;
      if (!data_.empty()) return found::data;
    }
    if (in.empty()) return found::nothing;
    const auto at = candidate(in);
    if (at > 0) {
      data_ = in.substr(0, at);
      in.remove_prefix(at);
      return found::data;
    }
    const auto size = std::min(in.size(), delimiter_.size());
    in.remove_prefix(size);
    if (size == delimiter_.size()) return found::delimiter;
    matched_ = size;
    return found::nothing;
  }
  static std::size_t common(std::string_view a, std::string_view b) noexcept {
    const auto size = std::min(a.size(), b.size());
    std::size_t n = 0;
    while (n < size && a[n] == b[n]) ++n;
    return n;
  }
  /// Where a delimiter begins that is whole or that the end cuts; the size if there is none.
  std::size_t candidate(std::string_view in) const noexcept {
    const char* const end = in.data() + in.size();
    for (const char* at = in.data(); (at = detail::find_crlf(at, end)) != end; ++at) {
      const auto size = std::min(static_cast<std::size_t>(end - at), delimiter_.size());
      if (std::memcmp(at, delimiter_.data(), size) == 0) return static_cast<std::size_t>(at - in.data());
    }
    return in.size();
  }

  /// Behind a delimiter: "--", or spaces and CRLF.
  bool after_delimiter(char c) noexcept {
    const char before = std::exchange(last_, c);
    if (before == '-') {
      if (c != '-') return false;
      after(state::over);
      return true;
    }
    if (before == '\r') {
      if (c != '\n') return false;
      after(state::head);
      return true;
    }
    if (c == '-') return before == '\0';
    if (c == '\r') return true;
    return (c == ' ' || c == '\t') && count_outside(1);
  }

  /// Takes a line of a head, or what there is of it.
  error read_line(std::string_view& in) {
    const auto end = in.find('\n');
    const auto piece = in.substr(0, end == in.npos ? in.size() : end + 1);
    if (lines_.size() + piece.size() > limits_.part_head) return error::part_head_too_large;
    lines_.append(piece);
    in.remove_prefix(piece.size());
    if (end == std::string_view::npos) return {};
    const auto line = std::string_view(lines_).substr(line_);
    if (line.size() < 2 || line[line.size() - 2] != '\r') return error::bad_part_head;
    if (line.size() > 2) {
      line_ = lines_.size();
      return {};
    }
    if (!head_.parse(std::string_view(lines_).substr(0, line_), limits_.names)) return error::bad_part_head;
    state_ = state::data;
    return {};
  }

  multipart_limits limits_;
  std::string delimiter_; // with the CRLF before it
  std::size_t matched_ = 2, virtual_ = 2;
  state state_ = state::outside;
  char last_ = '\0';
  std::uint32_t parts_ = 0;
  std::uint64_t outside_ = 0;
  std::string lines_; // of the head that is being read
  std::size_t line_ = 0;
  multipart_head head_;
  std::string_view data_;
  error_code why_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
