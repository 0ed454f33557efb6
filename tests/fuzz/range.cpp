// SPDX-License-Identifier: BSL-1.0
// Lines of fields, as a request has them. Ranges lie in the content and apart from each other, and their parts are as
// long as is said; entity tags read as they are written; what the preconditions come to suits the method.
#include "fuzz.hpp"

#include <antiphon/http/accept_encoding.hpp>
#include <antiphon/http/conditional.hpp>
#include <antiphon/http/range.hpp>

#include <array>
#include <limits>
#include <string>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

void check_range(std::string_view field, std::uint64_t content) {
  const auto set = http::range_set::parse(field, content);
  const auto ranges = set.ranges();
  require((set.what() == http::range_set::kind::partial) == !ranges.empty(), "ranges where it is partial");
  require(ranges.size() <= http::range_set::most, "not too many");
  require(content != 0 || set.what() == http::range_set::kind::whole, "nothing has no parts");
  std::uint64_t left = content;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto& r = ranges[i];
    require(r.size != 0 && r.first < content && r.size <= content - r.first, "in the content");
    require(r.size <= left, "no more than there is");
    left -= r.size;
    for (std::size_t j = 0; j < i; ++j)
      require(r.first >= ranges[j].first + ranges[j].size || ranges[j].first >= r.first + r.size, "apart");
    // What is asked for in its plainest form is the same.
    const auto plain = "bytes=" + std::to_string(r.first) + "-" + std::to_string(r.first + (r.size - 1));
    const auto again = http::range_set::parse(plain, content);
    require(again.ranges().size() == 1 && again.ranges().front() == r, "reads as it was written");
  }
  if (ranges.empty() || content > 1'000'000) return;
  const http::byteranges frame(ranges, content, "text/plain", "boundary");
  std::uint64_t size = frame.end().size();
  for (std::size_t i = 0; i < ranges.size(); ++i) size += frame.before(i).size() + ranges[i].size;
  require(frame.size() == size, "as long as is said");
  require(frame.size() <= content + 8 * 256, "hardly longer than the content");
}

void check_tags(std::string_view field) {
  auto rest = field;
  while (const auto tag = http::next_entity_tag(rest)) {
    require(rest.size() < field.size(), "goes on");
    std::string text(tag->weak() ? "W/\"" : "\"");
    text.append(tag->opaque()).append("\"");
    const auto again = http::entity_tag::parse(text);
    require(again && again->opaque() == tag->opaque() && again->weak() == tag->weak(), "reads as it was written");
    require(tag->same_bytes(*again) == !tag->weak() && tag->equivalent(*again), "is itself");
  }
}

void check_codings(std::string_view field) {
  constexpr std::array<std::string_view, 3> offered{"br", "gzip", "identity"};
  const auto chosen = http::choose_encoding(field, offered);
  for (const auto coding : offered) {
    const int weight = http::encoding_weight(field, coding);
    require(weight >= 0 && weight <= 1000, "a weight");
    require(weight == 0 || (chosen && http::encoding_weight(field, *chosen) >= weight), "the best");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const antiphon::fuzz::input in(data, size);
  constexpr std::array<std::uint64_t, 6> contents{
      0, 1, 10, 1000, std::uint64_t{1} << 33, (std::numeric_limits<std::uint64_t>::max)()};
  const std::string own(in.choice & 64 ? "W/\"v1\"" : "\"v1\"");
  http::validators now;
  now.exists = (in.choice & 8) == 0;
  if (in.choice & 16) now.tag = http::entity_tag::parse(own);
  if (in.choice & 32) now.modified = std::chrono::sys_seconds(std::chrono::seconds(784'111'777));
  now.now = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000));
  http::preconditions asked(now);
  bool any = false;
  for (auto text = in.text; !text.empty();) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    const auto value = http::trim_ows(colon == line.npos ? std::string_view() : line.substr(colon + 1));
    asked.field(name, value);
    any = any || http::iequals(name.substr(0, 3), "if-");
    check_range(value, contents[in.choice % contents.size()]);
    check_tags(value);
    check_codings(value);
  }
  using enum http::precondition;
  const auto get = asked.result(http::method::get), put = asked.result(http::method::put);
  require(any || get == proceed, "no condition, no refusal");
  require(asked.result(http::method::head) == (get == ignore_range ? proceed : get), "HEAD is as GET, without ranges");
  require(put == proceed || put == failed, "a change is made, or not");
  require(get != not_modified || now.exists, "what is not there has not stayed the same");
  require(asked.result(http::method::options) == proceed, "of no content, no condition");
  return 0;
}
