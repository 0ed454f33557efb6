// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"
#include "client/prepared_server.hpp"

#include <antiphon/polling/feed.hpp>

namespace {

namespace ap = antiphon;

const std::string body = R"({"cursor":"00000000000000aa.0-1","gap":null,"other_log":false,)"
                         R"("items":[{"id":"00000000000000aa.0-1","data":"x"}]})";

class feed_operation {
 public:
  explicit feed_operation(asio::io_context& io)
      : server_(io, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + body),
        client_(io), items_((client_.use(server_.connector()), client_), "http://h/") {}
  template <class Token>
  auto start(Token&& token) {
    return items_.async_receive(std::forward<Token>(token));
  }
  void finish() { server_.release(); }

 private:
  client_tests::prepared_server server_;
  const ap::client client_;
  const ap::polling::feed items_;
};

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(feed, operation_contract, ::testing::Types<feed_operation>);
} // namespace contract
