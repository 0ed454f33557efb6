// SPDX-License-Identifier: BSL-1.0
#include "../contract/contract.hpp"
#include "client/prepared_server.hpp"

#include <antiphon/live/reader.hpp>

namespace {

namespace ap = antiphon;

template <bool Streams>
class reader_operation {
 public:
  explicit reader_operation(asio::io_context& io)
      : server_(io, answer()), client_(io), reader_((client_.use(server_.connector()), client_), options()) {}
  template <class Token>
  auto start(Token&& token) {
    return reader_.async_receive(std::forward<Token>(token));
  }
  void finish() { server_.release(); }

 private:
  static std::string answer() {
    if (Streams)
      return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: 00000000000000aa.0-1\ndata: x\n\n";
    const std::string body = R"({"cursor":"00000000000000aa.0-1","gap":null,"other_log":false,)"
                             R"("items":[{"id":"00000000000000aa.0-1","data":"x"}]})";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  // One way: to prove it, with another one behind it, is outstanding work for some time longer.
  static ap::live::reader_options options() {
    ap::live::reader_options o;
    (Streams ? o.stream : o.poll) = "http://h/";
    return o;
  }

  client_tests::prepared_server server_;
  const ap::client client_;
  const ap::live::reader reader_;
};

using readers = ::testing::Types<reader_operation<true>, reader_operation<false>>;

} // namespace

namespace contract {
INSTANTIATE_TYPED_TEST_SUITE_P(reader, operation_contract, readers);
} // namespace contract
