// SPDX-License-Identifier: BSL-1.0
// A list of fields behaves as a plain list of pairs does, and its wire form has exactly its lines.
#include "fuzz.hpp"

#include <antiphon/http/fields.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

using model = std::vector<std::pair<std::string, std::string>>;

bool same_name(std::string_view a, std::string_view b) { return http::iequals(a, b); }

void erase(model& list, std::string_view name) {
  list.erase(std::remove_if(list.begin(), list.end(), [name](const auto& f) { return same_name(f.first, name); }),
             list.end());
}

void compare(const http::fields& fields, const model& list) {
  std::string wire;
  auto it = fields.begin();
  for (const auto& [name, value] : list) {
    require(it != fields.end() && it->name == name && it->value == value, "the same lines");
    ++it;
    wire.append(name).append(": ").append(value).append("\r\n");
  }
  require(it == fields.end() && fields.size() == list.size(), "as many lines");
  require(fields.wire() == wire, "the wire form");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(size > 0 ? reinterpret_cast<const char*>(data) : "", size);
  http::fields fields;
  model list;
  // Each line is one operation: a letter, a name, '=', a value.
  while (!text.empty() && list.size() < 200) {
    const auto line = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    const auto equals = line.find('=');
    const auto name = line.substr(1, equals == line.npos ? line.npos : equals - 1);
    const auto value = equals == line.npos ? std::string_view() : line.substr(equals + 1);
    switch (line[0]) {
    case 'a':
    case 's':
      try {
        line[0] == 'a' ? fields.add(name, value) : fields.set(name, value);
        require(http::is_token(name), "a name is a token");
        if (line[0] == 's') erase(list, name);
        list.emplace_back(name, http::trim_ows(value));
      } catch (const std::invalid_argument&) {
        require(!http::is_token(name) || !http::is_field_value(http::trim_ows(value)), "throws for a reason");
      }
      break;
    case 'e': {
      const auto before = list.size();
      erase(list, name);
      require(fields.erase(name) == before - list.size(), "erases as many");
      break;
    }
    case 'c': fields = http::fields(fields); break;
    case 'o': // adds a line made of its own text
      if (fields.empty()) break;
      fields.add(fields.begin()->name, fields.begin()->value);
      list.emplace_back(list.front());
      break;
    default: {
      const auto found =
          std::find_if(list.begin(), list.end(), [name](const auto& f) { return same_name(f.first, name); });
      require(fields.contains(name) == (found != list.end()), "contains");
      if (found != list.end()) require(fields.get(name) == found->second, "get");
      std::size_t count = 0;
      for (const auto v : fields.get_all(name)) {
        require(http::is_field_value(v), "values are values");
        ++count;
      }
      require(count == static_cast<std::size_t>(std::count_if(
                           list.begin(), list.end(), [name](const auto& f) { return same_name(f.first, name); })),
              "get_all");
      break;
    }
    }
    compare(fields, list);
  }
  return 0;
}
