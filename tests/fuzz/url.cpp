// SPDX-License-Identifier: BSL-1.0
// URLs: the normal form is its own normal form, its parts make it up, it can be sent, and no reference leads to what is
// none.
#include "fuzz.hpp"

#include <antiphon/http/target.hpp>
#include <antiphon/http/url.hpp>

#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

void holds(const http::url& u) {
  require(u.scheme() == "http" || u.scheme() == "https", "a scheme that is known");
  require(http::valid_host(u.authority()), "an authority is a host");
  require(u.authority().find('@') == std::string_view::npos, "nobody is named");
  require(u.port() != 0, "a port");
  require(std::string(u.scheme()) + "://" + std::string(u.authority()) + std::string(u.target()) == u.text(),
          "the parts make it up");
  require(u.secure() == (u.scheme() == "https"), "https is secure");
  require(http::parse_target(u.target(), http::method::get).has_value(), "a target that can be sent");
  if (u.text().size() > http::url::max_size) return;
  const auto again = http::url::parse(u.text());
  require(again && again->text() == u.text(), "a normal form stays");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  if (const auto u = http::url::parse(in.text)) holds(*u);
  const auto base = http::url::parse(in.choice % 2 == 0 ? "http://h:81/a/b/c?d=e" : "https://h");
  if (const auto u = base->resolve(in.text)) holds(*u);
  return 0;
}
