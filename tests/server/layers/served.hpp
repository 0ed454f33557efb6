// SPDX-License-Identifier: BSL-1.0
// What the tests of the layers share: a router that is driven without a connection, and one that is served on a socket.
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/http/request_parser.hpp>
#include <antiphon/server/router.hpp>
#include <antiphon/server/serve.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace layer_tests {

namespace ap = antiphon;

/// Takes a request through the hooks of its route and its handler, as a connection does.
class driven {
 public:
  explicit driven(const ap::router& app) : routes_(app), parser_(ap::http::head_limits()) {}

  ap::request& request() { return req_; }
  ap::response& response() { return res_; }

  /// `head` must stand still.
  void before(std::string_view head) {
    using access = ap::http::detail::request_access;
    ap::error_code ec;
    ASSERT_EQ(parser_.parse(head, access::head(req_), ec), ap::http::parse_result::done) << ec.message();
    access::state(req_).clear();
    access::begin(req_, head.data());
    to_ = &routes_.find(req_);
    access::route(req_, to_->pattern);
    ASSERT_FALSE(to_->before(0, to_->layers.size(), req_, res_));
  }
  void after() {
    to_->handle->call(req_, res_);
    to_->after(0, to_->layers.size(), req_, res_);
  }
  void complete(ap::exchange_summary s) {
    s.method = req_.method();
    s.route = to_->pattern;
    s.status = res_.status();
    if (to_->wants_target()) {
      s.target = req_.target();
      if (const auto id = req_.notes().get("request-id")) s.id = *id;
    }
    for (auto* l : to_->layers)
      if (l->has_complete) l->complete(s);
  }
  void exchange(std::string_view head, const ap::exchange_summary& s = {}) {
    before(head);
    after();
    complete(s);
  }

 private:
  ap::router::frozen routes_;
  ap::http::request_parser parser_;
  ap::request req_;
  ap::response res_;
  const ap::detail::route* to_ = nullptr;
};

/// Serves a router on a free port of 127.0.0.1, in a thread, until stop().
class served {
  using tcp = asio::ip::tcp;

 public:
  explicit served(const ap::router& app) {
    tcp::acceptor acceptor(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    port_ = acceptor.local_endpoint().port();
    ap::async_serve(std::move(acceptor), app,
                    asio::bind_cancellation_slot(stop_.slot(), [](ap::error_code ec) { EXPECT_FALSE(ec) << ec; }));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~served() { stop(); }

  /// Drains, and waits until every connection is gone.
  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { stop_.emit(asio::cancellation_type::partial); });
    thread_.join();
  }
  tcp::socket connect() {
    tcp::socket s(client_);
    s.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port_));
    return s;
  }
  /// Sends, and reads to the end of the connection: the request asks for it.
  std::string talk(std::string_view sent) {
    auto s = connect();
    asio::write(s, asio::buffer(sent));
    std::string got;
    asio::error_code ec;
    asio::read(s, asio::dynamic_buffer(got), ec);
    return got;
  }

 private:
  asio::io_context io_{1}, client_{1};
  asio::cancellation_signal stop_;
  unsigned short port_ = 0;
  std::thread thread_;
};

/// The value of the first field of that name in what came, or "(none)".
inline std::string field_of(std::string_view answer, std::string_view name) {
  const std::string start = "\r\n" + std::string(name) + ": ";
  const auto at = answer.find(start);
  if (at == answer.npos) return "(none)";
  const auto value = answer.substr(at + start.size());
  return std::string(value.substr(0, value.find("\r\n")));
}

} // namespace layer_tests
