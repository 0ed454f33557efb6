// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"
#include "client/prepared_server.hpp"

#include <antiphon/sse/event_source.hpp>

namespace {

namespace ap = antiphon;

class event_operation {
 public:
  explicit event_operation(asio::io_context& io)
      : server_(io, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n"), client_(io),
        events_((client_.use(server_.connector()), client_), "http://h/") {}
  template <class Token>
  auto start(Token&& token) {
    return events_.async_receive(std::forward<Token>(token));
  }
  void finish() { server_.release(); }

 private:
  client_tests::prepared_server server_;
  const ap::client client_;
  const ap::sse::event_source events_;
};

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(event_source, operation_contract, ::testing::Types<event_operation>);
} // namespace contract
