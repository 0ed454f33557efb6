// SPDX-License-Identifier: BSL-1.0
// Threat suite: text of a client's in every place where a program can put text into a response.
#include "../support/threat_app.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

namespace {

namespace ap = antiphon;
namespace http = antiphon::http;
namespace t = threat;
using namespace std::string_literals;

const std::vector<std::string> evils{"a\r\nX-Evil: 1",
                                     "a\nX-Evil: 1",
                                     "a\rX-Evil: 1",
                                     "a\0X-Evil: 1"s,
                                     "\r\n\r\n<html>",
                                     "a\r\n",
                                     "a\n",
                                     "\r",
                                     "\n",
                                     "\0"s,
                                     "a\x01",
                                     "a\x7f",
                                     "a\r\n X-Evil: folded"};

struct place {
  std::string name;
  std::function<void(const std::string&)> put;
};

const std::vector<place> places{
    {"name given to set", [](const std::string& e) { ap::response().set(e, "v"); }},
    {"name given to add", [](const std::string& e) { ap::response().add(e, "v"); }},
    {"value given to set", [](const std::string& e) { ap::response().set("X", e); }},
    {"value given to add", [](const std::string& e) { ap::response().add("X", e); }},
    {"cookie", [](const std::string& e) { ap::response().add("Set-Cookie", e); }},
    {"content type as a field", [](const std::string& e) { ap::response().set("Content-Type", e); }},
    {"location of a redirect", [](const std::string& e) { ap::redirect(e); }},
    {"location with a status", [](const std::string& e) { ap::redirect(e, ap::status::moved_permanently); }},
    {"content type of bytes", [](const std::string& e) { ap::response(ap::status::ok, "body", e); }},
    {"content type of shared bytes",
     [](const std::string& e) { ap::response(ap::status::ok, ap::shared_buffer("body"s), e); }},
    {"content type of a body",
     [](const std::string& e) { ap::stream_body([](ap::body_writer&) -> asio::awaitable<void> { co_return; }, e); }},
    {"protocol of an upgrade",
     [](const std::string& e) { ap::upgrade(e, [](ap::any_stream) -> asio::awaitable<void> { co_return; }); }},
    {"name of a note", [](const std::string& e) { ap::request().notes().set(e, "v"); }},
    {"value of a note", [](const std::string& e) { ap::request().notes().set("x", e); }},
    {"name in a list of fields",
     [](const std::string& e) {
       http::fields{{e, "v"}};
     }},
    {"value in a list of fields",
     [](const std::string& e) {
       http::fields{{"X", e}};
     }},
    {"name of the server",
     [](const std::string& e) {
       asio::io_context io;
       asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
       ap::async_serve(std::move(acceptor), ap::router(), {.server_name = e}, [](ap::error_code) {});
     }},
};

TEST(response_splitting, throws_wherever_text_goes_into_a_head) {
  for (const auto& p : places)
    for (const auto& e : evils)
      EXPECT_THROW(p.put(e), std::invalid_argument) << p.name << ": " << ::testing::PrintToString(e);
}

TEST(response_splitting, fields_of_the_server_are_its_own) {
  for (const char* name : {"Content-Length", "transfer-encoding", "CONNECTION", "Date", "Keep-Alive"}) {
    EXPECT_THROW(ap::response().set(name, "1"), std::invalid_argument) << name;
    EXPECT_THROW(ap::response().add(name, "1"), std::invalid_argument) << name;
  }
}

TEST(response_splitting, an_upgrade_takes_a_list_of_names_only) {
  const auto make = [](std::string protocol) {
    return ap::upgrade(std::move(protocol), [](ap::any_stream) -> asio::awaitable<void> { co_return; });
  };
  for (const char* good : {"websocket", "HTTP/2.0", "a, b/1", "h2c"}) EXPECT_NO_THROW(make(good)) << good;
  for (const char* bad : {"", ",", "web socket", "a/", "/1", "a/b/c", "a;b", "\"a\"", "a,b c"})
    EXPECT_THROW(make(bad), std::invalid_argument) << bad;
}

class splitting_over_a_socket : public ::testing::Test {
 protected:
  splitting_over_a_socket() {
    app.on_error([](std::exception_ptr, std::string_view) {});
    app.get("/redirect", [](ap::request& req) { return ap::redirect(req.query("to").value_or("")); });
    app.get("/name/{name}", [](ap::request& req) { return ap::response("x").set("X-Name", req.param("name")); });
    app.get("/type", [](ap::request& req) {
      const auto type = *req.query("type");
      return ap::response(ap::status::ok, "x", type).set("Content-Type", type);
    });
    app.get("/hints", [](ap::request& req) -> asio::awaitable<ap::response> {
      http::fields hints;
      hints.add("Link", *req.query("to"));
      co_await req.send_interim(ap::status::early_hints, hints);
      co_return "x";
    });
    app.get("/upgrade", [](ap::request& req) {
      return ap::upgrade(*req.query("to"), [](ap::any_stream) -> asio::awaitable<void> { co_return; });
    });
    app.get("/flow", [](ap::request& req) {
      struct flow final : http::flow {
        explicit flow(std::string t) : type(std::move(t)) {}
        step run(http::exchange& to, event) override {
          to.start(ap::status::ok, type);
          return step::end;
        }
        std::string type;
      };
      return ap::response(std::make_unique<flow>(*req.query("to")));
    });
    app.get("/framed", [] {
      struct flow final : http::flow {
        step run(http::exchange& to, event) override {
          http::fields wrong;
          wrong.add("Content-Length", "1");
          to.start(ap::status::ok, "text/plain", wrong);
          to.write(http::chunk("0\r\n\r\nHTTP/1.1 200 OK\r\nX-Evil: 1\r\n\r\n"));
          return step::end;
        }
      };
      return ap::response(std::make_unique<flow>());
    });
    app.get("/framed-hints", [](ap::request& req) -> asio::awaitable<ap::response> {
      http::fields wrong;
      wrong.add("Content-Length", "1");
      co_await req.send_interim(ap::status::early_hints, wrong);
      co_return "x";
    });
    app.get("/note/{name}", [](ap::request& req) {
      req.notes().set("note", req.param("name"));
      return ap::response("x").set("X-Note", *req.notes().get("note"));
    });
  }
  ap::router app;
};

TEST_F(splitting_over_a_socket, gives_500_and_not_a_byte_of_it) {
  t::live_server server(app);
  for (const char* evil : {"a%0d%0aX-Evil:%201", "a%0aX-Evil:%201", "a%0dX-Evil:%201", "a%00X-Evil:%201",
                           "a%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aX-Evil:%201"})
    for (const std::string path :
         {"/redirect?to=", "/name/", "/type?type=", "/hints?to=", "/upgrade?to=", "/flow?to=", "/note/"}) {
      auto client = server.client();
      const bool upgrades = path.starts_with("/upgrade");
      std::string escaped(evil); // a slash would make a segment
      for (auto at = escaped.find('/'); at != escaped.npos; at = escaped.find('/')) escaped.replace(at, 1, "%2F");
      ASSERT_TRUE(client.send(t::get(path + escaped, upgrades ? t::upgrade_lines : "")));
      const auto answer = client.response();
      EXPECT_EQ(answer.status, 500) << path << evil;
      EXPECT_EQ(answer.head.find("Evil"), std::string::npos) << path << evil;
      EXPECT_EQ(answer.body.find("Evil"), std::string::npos) << path << evil;
      ASSERT_TRUE(client.send(t::get("/nowhere"))); // and it is one answer
      EXPECT_EQ(client.status(), 404) << path << evil;
    }
}

TEST_F(splitting_over_a_socket, no_answer_in_progress_brings_a_length_of_its_own) {
  t::live_server server(app);
  for (const char* path : {"/framed", "/framed-hints"}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(t::get(path)));
    const auto answer = client.response();
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_EQ(answer.head.find("Evil"), std::string::npos) << path;
    EXPECT_LE(answer.count("Content-Length"), 1U) << path;
  }
}

TEST_F(splitting_over_a_socket, nothing_of_a_request_is_reflected_by_the_server_itself) {
  t::live_server server(app);
  for (const char* request :
       {"GET /x%0d%0aX-Evil:1 HTTP/1.1\r\nHost: a\r\n\r\n", "EVIL / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil\r\nX-Evil : 1\r\n\r\n", "DELETE /flow HTTP/1.1\r\nHost: evil\r\n\r\n",
        "OPTIONS /flow HTTP/1.1\r\nHost: a\r\nOrigin: evil\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: evil\r\n\r\n"}) {
    auto client = server.client();
    ASSERT_TRUE(client.send(request));
    const auto answer = client.response();
    EXPECT_NE(answer.status, 0) << request;
    for (const char* word : {"Evil", "evil", "EVIL"}) {
      EXPECT_EQ(answer.head.find(word), std::string::npos) << request;
      EXPECT_EQ(answer.body.find(word), std::string::npos) << request;
    }
  }
}

} // namespace
