// SPDX-License-Identifier: BSL-1.0
// The server against clients that are not of this project: curl, and Python's http.client.
#include "../support/child_process.hpp"
#include "../support/threat_app.hpp"

#include <gtest/gtest.h>

namespace {

namespace t = threat;

class other_clients : public testing::Test {
 protected:
  other_clients() { t::add_threat_routes(app, counts); }

  /// curl's exit code; its output is in `out` (it is told to write it to stderr).
  static int curl(std::vector<std::string> arguments, std::string& out) {
    std::vector<std::string> all{"curl", "--silent", "--show-error", "--max-time", "20", "--output", "/dev/stderr"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    t::child_process child(std::move(all));
    const int code = child.wait();
    out = child.log();
    return code;
  }
  static bool has(const std::string& program) {
    t::child_process child({program, "--version"});
    return child.started() && child.wait() == 0;
  }

  t::threat_counts counts;
  antiphon::router app;
};

TEST_F(other_clients, curl) {
  if (!has("curl")) GTEST_SKIP() << "curl is not installed";
  t::live_server server(app);
  const std::string base = "http://127.0.0.1:" + std::to_string(server.port());
  std::string out;
  EXPECT_EQ(curl({base + "/"}, out), 0);
  EXPECT_EQ(out, "hello");
  EXPECT_EQ(curl({"--http1.0", base + "/"}, out), 0);
  EXPECT_EQ(out, "hello");
  EXPECT_EQ(curl({base + "/big"}, out), 0);
  EXPECT_EQ(out.size(), 300'000U);
  EXPECT_EQ(curl({"--data", std::string(5000, 'd'), base + "/post"}, out), 0); // curl sends Expect: 100-continue
  EXPECT_EQ(out, "5000");
  EXPECT_EQ(curl({"--data", "abc", "--header", "Transfer-Encoding: chunked", base + "/post"}, out), 0);
  EXPECT_EQ(out, "3");
  EXPECT_EQ(curl({"--data", "abc", "--header", "Expect: 100-continue", base + "/post"}, out), 0);
  EXPECT_EQ(out, "3");
  EXPECT_EQ(curl({"--head", base + "/big"}, out), 0);
  EXPECT_NE(out.find("Content-Length: 300000"), std::string::npos) << out;
  EXPECT_EQ(curl({"--fail", base + "/nowhere"}, out), 22);
  // Several on one connection, kept alive.
  EXPECT_EQ(curl({base + "/", base + "/soon", "--output", "/dev/stderr", base + "/", "--output", "/dev/stderr"}, out),
            0);
  EXPECT_EQ(out, "hellosoonhello");
  // A body that never ends: curl's own limit of time ends it, and the server notices.
  EXPECT_EQ(curl({"--no-buffer", "--max-time", "0.3", base + "/body"}, out), 28);
  EXPECT_NE(out.find("line\nline\n"), std::string::npos);
  EXPECT_TRUE(counts.bodies.empties());
  EXPECT_EQ(curl({"--request-target", "/../etc/passwd", "--write-out", "%{stderr}%{http_code}", base}, out), 0);
  EXPECT_NE(out.find("400"), std::string::npos) << out;
  EXPECT_TRUE(server.empties());
}

TEST_F(other_clients, python) {
  if (!has("python3")) GTEST_SKIP() << "python3 is not installed";
  t::live_server server(app);
  std::string script = __FILE__;
  script = script.substr(0, script.rfind("threats/")) + "clients/python_client.py";
  t::child_process child({"python3", script, std::to_string(server.port())});
  EXPECT_EQ(child.wait(), 0) << child.log();
  EXPECT_TRUE(counts.bodies.empties());
  EXPECT_TRUE(server.empties());
}

} // namespace
