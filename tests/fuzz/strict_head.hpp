// SPDX-License-Identifier: BSL-1.0
// A second reading of message heads, written for plainness and sharing no code with the library: it says what is wrong
// with a head that the library has taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::fuzz {

struct strict_head {
  std::string first_line;
  std::vector<std::string> names; // in lower case
  std::vector<std::string> values;
  const char* wrong = nullptr;

  std::size_t count(std::string_view name) const {
    std::size_t n = 0;
    for (const auto& other : names) n += other == name;
    return n;
  }
  std::string value(std::string_view name) const {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return values[i];
    return {};
  }
};

inline std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

/// Takes a whole head apart, with its empty line. `request` decides what the first line and Host must be.
inline strict_head read_strictly(std::string_view head, bool request) {
  strict_head out;
  const auto fail = [&out](const char* what) {
    out.wrong = what;
    return out;
  };
  if (request && head.substr(0, 2) == "\r\n") head.remove_prefix(2);
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto c = static_cast<unsigned char>(head[i]);
    if (c == '\r' && i + 1 < head.size() && head[i + 1] == '\n') {
      lines.push_back(line);
      line.clear();
      ++i;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return fail("a control byte");
    } else {
      line += head[i];
    }
  }
  if (!line.empty() || lines.size() < 2 || !lines.back().empty()) return fail("no empty line at the end");
  lines.pop_back();
  out.first_line = lines.front();
  lines.erase(lines.begin());
  if (lines.size() > 100) return fail("too many fields");
  if (out.first_line.size() > 8192) return fail("a long first line");
  for (const auto& text : lines) {
    if (text.empty()) return fail("an empty line inside");
    if (text.size() > 8192) return fail("a long field");
    const auto colon = text.find(':');
    if (colon == std::string::npos || colon == 0) return fail("no name");
    for (const char c : text.substr(0, colon)) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!letter && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) return fail("a bad name");
    }
    auto value = text.substr(colon + 1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.erase(0, 1);
    out.names.push_back(lower_case(text.substr(0, colon)));
    out.values.push_back(value);
  }

  std::string version;
  if (request) {
    const auto first = out.first_line.find(' ');
    const auto last = out.first_line.rfind(' ');
    if (first == std::string::npos || first == 0 || last <= first + 1) return fail("a bad request line");
    for (const char c : out.first_line.substr(0, first))
      if (!((c >= 'A' && c <= 'Z') || c == '-')) return fail("a bad method");
    for (const char c : out.first_line.substr(first + 1, last - first - 1))
      if (c <= 0x20 || c > 0x7e || c == '#') return fail("a bad target");
    version = out.first_line.substr(last + 1);
  } else {
    version = out.first_line.substr(0, 8);
    const auto rest = out.first_line.substr(version.size());
    if (rest.size() < 5 || rest[0] != ' ' || rest[4] != ' ') return fail("a bad status line");
    for (const char c : rest.substr(1, 3))
      if (c < '0' || c > '9') return fail("a bad status");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return fail("a bad version");
  if (request) {
    if (out.count("host") > 1) return fail("two hosts");
    if (out.count("host") == 0 && version == "HTTP/1.1") return fail("no host");
    if (out.count("host") == 1) {
      const auto host = out.value("host");
      if (host.empty() || host.find_first_of(" \t/\\?#@\"<>{}|^`") != std::string::npos) return fail("a bad host");
    }
  }
  if (out.count("content-length") > 1) return fail("two lengths");
  if (out.count("transfer-encoding") > 1) return fail("two codings");
  if (out.count("content-length") + out.count("transfer-encoding") > 1) return fail("a length and a coding");
  if (out.count("content-length") == 1) {
    const auto length = out.value("content-length");
    if (length.empty() || length.find_first_not_of("0123456789") != std::string::npos) return fail("a bad length");
  }
  if (out.count("transfer-encoding") == 1) {
    if (version == "HTTP/1.0") return fail("a coding in HTTP/1.0");
    if (lower_case(out.value("transfer-encoding")) != "chunked") return fail("a coding but chunked");
  }
  return out;
}

} // namespace antiphon::fuzz
