// SPDX-License-Identifier: BSL-1.0
#include "served.hpp"

#include <antiphon/server/layers/access_log.hpp>
#include <antiphon/server/layers/metrics.hpp>
#include <antiphon/server/layers/request_id.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace ap = antiphon;
using layer_tests::driven;
using layer_tests::served;

/// Reads the text format, version 0.0.4, more strictly than Prometheus does. Samples by name and labels as written.
class page {
 public:
  explicit page(const std::string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    std::string family, type;
    std::set<std::string> families;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (line.starts_with("# HELP ")) {
        family = line.substr(7, line.find(' ', 7) - 7);
        EXPECT_TRUE(families.insert(family).second) << line;
        type.clear();
        continue;
      }
      if (line.starts_with("# TYPE ")) {
        EXPECT_EQ(line.substr(7, family.size() + 1), family + ' ') << line;
        type = line.substr(8 + family.size());
        EXPECT_TRUE(type == "counter" || type == "gauge" || type == "histogram") << line;
        continue;
      }
      sample(line, family, type);
    }
  }

  double operator[](const std::string& series) const {
    const auto found = samples_.find(series);
    return found == samples_.end() ? -1 : found->second;
  }
  const std::map<std::string, double>& all() const { return samples_; }

 private:
  void sample(const std::string& line, const std::string& family, const std::string& type) {
    ASSERT_FALSE(type.empty()) << line;
    std::size_t at = 0;
    while (at < line.size() && (std::isalnum(static_cast<unsigned char>(line[at])) || line[at] == '_')) ++at;
    const auto name = line.substr(0, at);
    ASSERT_TRUE(name.starts_with(family)) << line;
    const auto suffix = name.substr(family.size());
    if (type == "histogram") {
      ASSERT_TRUE(suffix == "_bucket" || suffix == "_sum" || suffix == "_count") << line;
    } else {
      ASSERT_EQ(suffix, "") << line;
      ASSERT_EQ(name.ends_with("_total"), type == "counter") << line;
    }
    if (line[at] == '{') {
      std::set<std::string> labels;
      do {
        const auto equals = line.find('=', ++at);
        ASSERT_NE(equals, line.npos) << line;
        ASSERT_TRUE(labels.insert(line.substr(at, equals - at)).second) << line;
        at = equals + 1;
        ASSERT_EQ(line[at], '"') << line;
        for (++at; at < line.size() && line[at] != '"'; ++at) {
          if (line[at] != '\\') continue;
          ++at;
          ASSERT_TRUE(line[at] == '\\' || line[at] == '"' || line[at] == 'n') << line;
        }
        ASSERT_LT(++at, line.size()) << line;
      } while (line[at] == ',');
      ASSERT_EQ(line[at++], '}') << line;
    }
    const auto series = line.substr(0, at);
    ASSERT_EQ(line[at++], ' ') << line;
    char* end = nullptr;
    const double value = std::strtod(line.c_str() + at, &end);
    ASSERT_TRUE(end != line.c_str() + at && *end == '\0') << line;
    ASSERT_TRUE(samples_.emplace(series, value).second) << "twice: " << line;
  }

  std::map<std::string, double> samples_;
};

ap::exchange_summary ended(std::string_view route, std::chrono::nanoseconds took = {}, int code = 200) {
  ap::exchange_summary s;
  s.method = ap::method::get;
  s.status = ap::status(code);
  s.route = route;
  s.took = took;
  return s;
}

constexpr const char* histogram = "antiphon_http_request_duration_seconds";

TEST(metrics, of_nothing_is_a_page_without_samples) {
  const ap::metrics m;
  EXPECT_TRUE(page(m.text()).all().empty());
}

TEST(metrics, counts_by_method_route_and_class_of_status) {
  const ap::metrics m;
  for (const int code : {200, 204, 302, 404, 405, 503}) m.complete(ended("/a", {}, code));
  auto s = ended("/a");
  s.method = ap::method::del;
  m.complete(s);
  s.method = ap::method::mkcol;
  m.complete(s);
  s.method = ap::method::lock;
  m.complete(s);
  s.method = ap::method::head, s.route = "/b/{id}", s.bytes_in = 30, s.bytes_out = 4, s.cut = true;
  s.status = ap::status{};
  m.complete(s);
  m.complete(ended(""));
  const page p(m.text());
  const std::string requests = "antiphon_http_requests_total";
  EXPECT_EQ(p[requests + R"({method="GET",route="/a",status="2xx"})"], 2);
  EXPECT_EQ(p[requests + R"({method="GET",route="/a",status="3xx"})"], 1);
  EXPECT_EQ(p[requests + R"({method="GET",route="/a",status="4xx"})"], 2);
  EXPECT_EQ(p[requests + R"({method="GET",route="/a",status="5xx"})"], 1);
  EXPECT_EQ(p[requests + R"({method="DELETE",route="/a",status="2xx"})"], 1);
  EXPECT_EQ(p[requests + R"({method="other",route="/a",status="2xx"})"], 2);
  EXPECT_EQ(p[requests + R"({method="HEAD",route="/b/{id}",status="none"})"], 1);
  EXPECT_EQ(p[requests + "{method=\"GET\",route=\"(none)\",status=\"2xx\"}"], 1);
  EXPECT_EQ(p["antiphon_http_exchanges_cut_total{route=\"/b/{id}\"}"], 1);
  EXPECT_EQ(p["antiphon_http_exchanges_cut_total{route=\"/a\"}"], 0);
  EXPECT_EQ(p["antiphon_http_request_bytes_total{route=\"/b/{id}\"}"], 30);
  EXPECT_EQ(p["antiphon_http_response_bytes_total{route=\"/b/{id}\"}"], 4);
}

TEST(metrics, has_cumulative_buckets_with_inclusive_bounds) {
  using namespace std::chrono;
  const ap::metrics m;
  for (const nanoseconds took :
       {nanoseconds(-5), nanoseconds(0), nanoseconds(100'000), nanoseconds(100'001), nanoseconds(2'500'000),
        nanoseconds(seconds(10)), nanoseconds(seconds(10)) + nanoseconds(1), nanoseconds(hours(1))})
    m.complete(ended("/a", took));
  const page p(m.text());
  const auto bucket = [&](const std::string& le) { return p[histogram + ("_bucket{route=\"/a\",le=\"" + le + "\"}")]; };
  EXPECT_EQ(bucket("0.0001"), 3);
  EXPECT_EQ(bucket("0.00025"), 4);
  EXPECT_EQ(bucket("0.001"), 4);
  EXPECT_EQ(bucket("0.0025"), 5);
  EXPECT_EQ(bucket("5"), 5);
  EXPECT_EQ(bucket("10"), 6);
  EXPECT_EQ(bucket("+Inf"), 8);
  EXPECT_EQ(p[histogram + std::string("_count{route=\"/a\"}")], 8);
  EXPECT_NE(m.text().find("_sum{route=\"/a\"} 3620.002700002\n"), std::string::npos) << m.text();
  double last = 0;
  int buckets = 0;
  for (const char* le : {"0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
                         "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"}) {
    EXPECT_GE(bucket(le), last) << le;
    last = bucket(le);
    ++buckets;
  }
  EXPECT_EQ(std::count_if(p.all().begin(), p.all().end(),
                          [](const auto& s) { return s.first.find("_bucket") != s.first.npos; }),
            buckets);
}

TEST(metrics, escapes_what_stands_in_a_label) {
  const ap::metrics m;
  m.complete(ended("/a\\b\"c\nd\xff\xc3\xa9"));
  const page p(m.text());
  EXPECT_EQ(p["antiphon_http_request_bytes_total{route=\"/a\\\\b\\\"c\\nd\xef\xbf\xbd\xc3\xa9\"}"], 0);
}

TEST(metrics, joins_the_routes_of_one_pattern) {
  ap::router app;
  const ap::metrics m;
  app.use(m);
  app.get("/a/{id}", [] { return ""; }).post("/a/{id}", [] { return ""; });
  driven d(app);
  d.exchange("GET /a/1 HTTP/1.1\r\nHost: a\r\n\r\n");
  d.exchange("POST /a/2 HTTP/1.1\r\nHost: a\r\n\r\n");
  d.exchange("PUT /a/3 HTTP/1.1\r\nHost: a\r\n\r\n");
  const page p(m.text());
  EXPECT_EQ(p[histogram + std::string("_count{route=\"/a/{id}\"}")], 3);
  EXPECT_EQ(p[R"(antiphon_http_requests_total{method="PUT",route="/a/{id}",status="4xx"})"], 1);
}

// Whatever clients send, the page does not grow.
TEST(metrics, has_no_label_that_a_client_makes) {
  ap::router app;
  const ap::metrics m;
  app.use(m).get("/a/{id}", [] { return ""; });
  driven d(app);
  std::size_t size = 0;
  for (int i = 0; i < 1'000; ++i) {
    d.exchange("GET /a/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    d.exchange("GET /none" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto verb = ap::http::to_string(ap::method(i % int(ap::http::method_count)));
    if (verb != "CONNECT") d.exchange(std::string(verb) + " /a/b HTTP/1.1\r\nHost: a\r\n\r\n");
    if (i == 99) size = page(m.text()).all().size();
  }
  EXPECT_EQ(page(m.text()).all().size(), size);
}

TEST(metrics, has_a_limit_of_routes) {
  const ap::metrics m({.max_routes = 100});
  std::vector<std::string> routes;
  for (int i = 0; i < 10'000; ++i) routes.push_back("/r" + std::to_string(i));
  for (int round = 0; round < 2; ++round)
    for (const auto& r : routes) m.complete(ended(r));
  const page p(m.text());
  const auto counted = [&](const std::string& r) { return p[histogram + ("_count{route=\"" + r + "\"}")]; };
  EXPECT_EQ(counted("/r0"), 2);
  EXPECT_EQ(counted("/r99"), 2);
  EXPECT_EQ(counted("/r100"), -1);
  EXPECT_EQ(counted("(other)"), 2 * 9'900);
  const ap::metrics none({.max_routes = 0});
  none.complete(ended("/a"));
  EXPECT_EQ(page(none.text())[histogram + std::string("_count{route=\"(other)\"}")], 1);
}

TEST(metrics, finds_a_route_again_though_its_text_has_moved) {
  const ap::metrics m;
  std::string text = "/first";
  m.complete(ended(text));
  text = "/other";
  m.complete(ended(text));
  const page p(m.text());
  EXPECT_EQ(p[histogram + std::string("_count{route=\"/first\"}")], 1);
  EXPECT_EQ(p[histogram + std::string("_count{route=\"/other\"}")], 1);
}

TEST(metrics, loses_nothing_between_threads) {
  const ap::metrics m;
  constexpr int threads = 8, rounds = 2'000;
  std::vector<std::string> routes;
  for (int i = 0; i < 50; ++i) routes.push_back("/some/longer/route" + std::to_string(i));
  std::vector<std::thread> all;
  std::atomic<int> running{threads};
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        auto s = ended(routes[static_cast<std::size_t>(i + t) % routes.size()], std::chrono::microseconds(i));
        s.bytes_in = 2;
        m.complete(s);
      }
      --running;
    });
  }
  while (running != 0) page(m.text()); // a scrape meanwhile is well-formed
  for (auto& t : all) t.join();
  const page p(m.text());
  double requests = 0, bytes = 0, sum = 0;
  for (const auto& [series, value] : p.all()) {
    if (series.starts_with("antiphon_http_requests_total")) requests += value;
    if (series.starts_with("antiphon_http_request_bytes_total")) bytes += value;
    if (series.starts_with(histogram + std::string("_sum"))) sum += value;
  }
  EXPECT_EQ(requests, threads * rounds);
  EXPECT_EQ(bytes, 2 * threads * rounds);
  EXPECT_NEAR(sum, threads * 1e-6 * rounds * (rounds - 1) / 2, 1e-6);
}

TEST(metrics, are_served) {
  ap::router app;
  const ap::metrics m;
  app.use(m);
  app.get("/a/{id}", [] { return "0123456789"; });
  app.get("/metrics", m.handler(app));
  served s(app);
  std::size_t came = 0, went = 0;
  for (int i = 0; i < 3; ++i) {
    const std::string sent = "GET /a/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    came += sent.size();
    went += s.talk(sent).size();
  }
  s.talk("nonsense\r\n\r\n");
  const auto got = s.talk("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(layer_tests::field_of(got, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const page p(got.substr(got.find("\r\n\r\n") + 4));
  EXPECT_EQ(p[R"(antiphon_http_requests_total{method="GET",route="/a/{id}",status="2xx"})"], 3);
  EXPECT_EQ(p["antiphon_http_request_bytes_total{route=\"/a/{id}\"}"], static_cast<double>(came));
  EXPECT_EQ(p["antiphon_http_response_bytes_total{route=\"/a/{id}\"}"], static_cast<double>(went));
  EXPECT_EQ(p["antiphon_http_refused_total"], 1);
  EXPECT_GE(p["antiphon_connections{state=\"quiet\"}"], 1);
  EXPECT_EQ(p["antiphon_connections{state=\"handling\"}"], 0);
  EXPECT_EQ(p["antiphon_connections{state=\"answering\"}"], 0);
}

TEST(metrics, tells_what_connections_do) {
  ap::router app;
  const ap::metrics m;
  auto& counts = app.counts();
  counts.open = 10, counts.handling = 3, counts.answering = 2, counts.refused = 4;
  const page p(m.text(&counts));
  EXPECT_EQ(p["antiphon_connections{state=\"quiet\"}"], 5);
  EXPECT_EQ(p["antiphon_connections{state=\"handling\"}"], 3);
  EXPECT_EQ(p["antiphon_connections{state=\"answering\"}"], 2);
  EXPECT_EQ(p["antiphon_http_refused_total"], 4);
  counts.open = 1; // read between two changes
  EXPECT_EQ(page(m.text(&counts))["antiphon_connections{state=\"quiet\"}"], 0);
}

// A handler that kept the router would keep itself: the leak checker sees it. One that is served elsewhere outlives it.
TEST(metrics, handler_does_not_keep_the_router_and_outlives_it) {
  const ap::metrics m;
  ap::router admin;
  {
    ap::router app;
    app.get("/metrics", m.handler(app));
    admin.get("/metrics", m.handler(app));
    app.counts().refused = 7;
  }
  driven d(admin);
  d.exchange("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(page(std::string(d.response().body()))["antiphon_http_refused_total"], 7);
}

} // namespace
