// SPDX-License-Identifier: BSL-1.0
// A date that can be read is written as a date that reads the same; a number of seconds reads back as itself.
#include "fuzz.hpp"

#include <antiphon/http/date.hpp>

#include <cstring>

namespace {

namespace http = antiphon::http;
using antiphon::fuzz::require;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(size > 0 ? reinterpret_cast<const char*>(data) : "", size);
  const std::chrono::sys_seconds now(std::chrono::seconds(1'800'000'000));
  if (const auto date = http::parse_date(text, now)) {
    const http::date_text written(*date);
    require(http::parse_date(written.view(), now) == *date, "reads as it was written");
  }
  std::int64_t number = 0;
  if (size >= sizeof number) {
    std::memcpy(&number, data, sizeof number);
    const std::chrono::sys_seconds time(std::chrono::seconds(number % 253'402'300'800)); // to the year 9999
    if (time >= std::chrono::sys_days(std::chrono::year(0) / 1 / 1))
      require(http::parse_date(http::date_text(time).view(), now) == time, "every second reads back");
  }
  return 0;
}
