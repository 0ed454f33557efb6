// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"
#include "client/prepared_server.hpp"

#include <optional>

namespace {

namespace ap = antiphon;
using ap::client_request;
using client_tests::prepared_server;

/// A connection that is kept would be outstanding work.
const std::string closing = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";

class call_operation {
 public:
  explicit call_operation(asio::io_context& io) : call_operation(io, closing, {}) {}
  template <class Token>
  auto start(Token&& token) {
    return client_.async_send(request(), std::forward<Token>(token));
  }
  void finish() { server_.release(); }

 protected:
  call_operation(asio::io_context& io, std::string answer, const ap::client_options& options)
      : server_(io, std::move(answer)), client_(io, options) {
    client_.use(server_.connector());
  }
  virtual client_request request() const { return client_request(ap::method::get, "http://h/"); }
  ~call_operation() = default;

  prepared_server server_;
  ap::client client_;
};
class collected final : public call_operation {
 public:
  using call_operation::call_operation;
};

class streamed final : public call_operation {
 public:
  using call_operation::call_operation;

 private:
  client_request request() const override { return call_operation::request().stream_response(); }
};

class upgraded final : public call_operation {
 public:
  explicit upgraded(asio::io_context& io)
      : call_operation(io, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", {}) {}

 private:
  client_request request() const override { return call_operation::request().upgrade("x"); }
};

// The body's coroutine is still at it when the answer comes, or the cancellation: the call waits for it.
class sending final : public call_operation {
 public:
  using call_operation::call_operation;

 private:
  client_request request() const override {
    return client_request(ap::method::post, "http://h/").stream_body([](ap::body_writer& out) -> asio::awaitable<void> {
      while (true) co_await out.write("a piece of the body");
    });
  }
};

// Another call has the one connection.
class queued final : public call_operation {
 public:
  explicit queued(asio::io_context& io) : call_operation(io, closing, {.connections = 1}) {}
  template <class Token>
  auto start(Token&& token) {
    // As late as the operation: one that is deferred is not to find work under way.
    auto both = [c = client_](auto handler, client_request first, client_request second) {
      c.async_send(std::move(first), asio::bind_executor(c.get_executor(), [](ap::error_code, ap::client_response) {}));
      c.async_send(std::move(second), std::move(handler));
    };
    return asio::async_initiate<Token, void(ap::error_code, ap::client_response)>(std::move(both), token, request(),
                                                                                  request());
  }
};

class layered final : public call_operation {
 public:
  explicit layered(asio::io_context& io) : call_operation(io, closing, {}) {
    client_.use([](client_request& req, const ap::client_next& next) -> asio::awaitable<ap::client_response> {
      auto res = co_await next(req);
      co_return res;
    });
  }
};

// A resolver and a connector that take their time.
class slow final : public ap::resolver, public ap::connector {
 public:
  explicit slow(std::shared_ptr<ap::connector> inner, asio::any_io_executor executor)
      : inner_(std::move(inner)), executor_(std::move(executor)) {}
  std::string_view resolves(std::string_view host) const override { return host; }
  std::shared_ptr<void> resolve(std::string_view, const asio::any_io_executor&, answer done) override {
    auto held = std::make_shared<answer>(std::move(done));
    asking_ = held;
    if (released_) say();
    return held;
  }
  std::shared_ptr<void> connect(const ap::connect_target& to, const asio::any_io_executor& ex, result done) override {
    return inner_->connect(to, ex, std::move(done));
  }
  void release() {
    released_ = true;
    say();
  }

 private:
  void say() {
    asio::post(executor_, [weak = asking_] {
      if (const auto done = weak.lock()) (*done)({}, {asio::ip::address_v4::loopback()});
    });
  }
  const std::shared_ptr<ap::connector> inner_;
  const asio::any_io_executor executor_;
  std::weak_ptr<answer> asking_;
  bool released_ = false;
};
class resolving final : public call_operation {
 public:
  explicit resolving(asio::io_context& io)
      : call_operation(io, closing, {}), names_(std::make_shared<slow>(server_.connector(), io.get_executor())) {
    client_.use(std::shared_ptr<ap::resolver>(names_)).use(std::shared_ptr<ap::connector>(names_));
    server_.release();
  }
  void finish() { names_->release(); }

 private:
  const std::shared_ptr<slow> names_;
};

using client_operations = ::testing::Types<collected, streamed, upgraded, sending, queued, layered, resolving>;

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(client, operation_contract, client_operations);
} // namespace contract
