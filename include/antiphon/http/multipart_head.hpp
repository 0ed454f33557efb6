// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/error.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/token.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// A file name that came from outside, made fit to stand in a directory of yours: its last component (after '/', '\\'
/// and ':'), without control bytes, without spaces at its ends and dots at its end, at most 255 bytes of whole UTF-8
/// characters. Empty where nothing is left, as of ".." and "dir/": then choose a name. It may begin with a dot, and it
/// may be the name of a file that is there: a name of your own choice is safer still.
inline std::string safe_filename(std::string_view name) {
  constexpr std::size_t longest = 255;
  if (const auto at = name.find_last_of("/\\:"); at != name.npos) name.remove_prefix(at + 1);
  std::string out;
  for (const char c : name)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  if (out.size() > longest) {
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  out.erase(0, out.find_first_not_of(' '));
  return out;
}

/// The head of a part of a multipart body. Its texts are what the client says: a name may hold any byte, CR and LF too.
class multipart_head {
 public:
  /// The name of the form's field.
  std::string_view name() const noexcept { return name_; }
  /// The file's name as the client has it, which may be a path; there is none where the part is no file. To open a file
  /// of that name, take safe_filename().
  std::optional<std::string_view> filename() const noexcept {
    return filename_ ? std::optional<std::string_view>(*filename_) : std::nullopt;
  }
  std::string safe_filename() const { return http::safe_filename(filename().value_or("")); }
  /// As the client has it; "text/plain" where it says nothing (RFC 7578, section 4.4).
  std::string_view content_type() const noexcept { return fields_.get("Content-Type").value_or("text/plain"); }
  /// All field lines.
  const http::fields& fields() const noexcept { return fields_; }

  /// Reads a head: lines that each end with CRLF, without the empty one. False where it is malformed, which a part of a
  /// form is also without a name.
  ///
  /// Names are read as browsers write them: %22, %0D and %0A stand for a quote, CR and LF, \" and \\ for a quote and a
  /// backslash; any other backslash stands for itself. Two Content-Dispositions, or two names in one, are refused, as
  /// others would take the other one. filename* means nothing here (RFC 7578, section 4.2).
  [[nodiscard]] bool parse(std::string_view lines, bool must_have_name = true) {
    fields_.clear();
    name_.clear();
    filename_.reset();
    bool disposed = false;
    while (!lines.empty()) {
      const auto end = lines.find("\r\n");
      if (end == lines.npos) return false;
      const auto line = lines.substr(0, end);
      lines.remove_prefix(end + 2);
      const auto colon = line.find(':');
      if (colon == line.npos) return false;
      const auto field_name = line.substr(0, colon);
      const auto value = trim_ows(line.substr(colon + 1));
      if (!is_token(field_name) || !is_field_value(value)) return false;
      fields_.add_unchecked(field_name, value);
      if (!iequals(field_name, "Content-Disposition")) continue;
      if (std::exchange(disposed, true) || !read_disposition(value, must_have_name)) return false;
    }
    return disposed || !must_have_name;
  }

 private:
  bool read_disposition(std::string_view value, bool form) {
    const auto semicolon = find_unquoted(value, ';');
    if (form && !iequals(trim_ows(value.substr(0, semicolon)), "form-data")) return false;
    bool named = false;
    parameter p;
    parameter_reader reader(value.substr(semicolon));
    while (reader.next(p)) {
      if (!p.has_value) return false;
      if (iequals(p.name, "name")) {
        if (std::exchange(named, true)) return false;
        name_ = text_of(p);
      } else if (iequals(p.name, "filename")) {
        if (filename_) return false;
        filename_ = text_of(p);
      }
    }
    return !reader.failed() && (named || !form);
  }

  static std::string text_of(const parameter& p) {
    if (!p.quoted) return std::string(p.value);
    std::string out;
    out.reserve(p.value.size());
    for (std::size_t i = 0; i < p.value.size(); ++i) {
      const char c = p.value[i];
      const auto next = p.value.substr(i + 1);
      if (c == '\\' && !next.empty() && (next[0] == '"' || next[0] == '\\')) {
        out += next[0];
        i += 1;
      } else if (const char plain = c == '%' ? escaped(next.substr(0, 2)) : '\0') {
        out += plain;
        i += 2;
      } else {
        out += c;
      }
    }
    return out;
  }
  static char escaped(std::string_view digits) noexcept {
    return digits == "22" ? '"' : iequals(digits, "0d") ? '\r' : iequals(digits, "0a") ? '\n' : '\0';
  }

  std::string name_;
  std::optional<std::string> filename_;
  http::fields fields_;
};

} // namespace http
} // namespace v0
} // namespace antiphon
