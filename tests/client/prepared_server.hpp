// SPDX-License-Identifier: BSL-1.0
// What the contract of a client's operations needs: a server whose answer is there when the test says so, and of which
// nothing runs on the context.
#pragma once

#include <antiphon/client.hpp>
#include <antiphon/testing/memory_stream.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace client_tests {

namespace ap = antiphon;

class prepared_server {
 public:
  /// The answer to each connection, whatever it asks for.
  prepared_server(asio::io_context& io, std::string answer) : io_(io), answer_(std::move(answer)) {
    ap::detail::time_of(io.get_executor()).manual();
  }
  prepared_server(const prepared_server&) = delete;
  prepared_server& operator=(const prepared_server&) = delete;

  std::shared_ptr<ap::connector> connector() {
    return ap::make_connector([this](const ap::connect_target&) {
      auto ends = ap::testing::memory_pair(io_.get_executor());
      peers_.push_back(std::move(ends.second));
      if (released_) answer(peers_.back());
      return std::move(ends.first);
    });
  }
  /// From now on it answers.
  void release() {
    released_ = true;
    for (auto& p : peers_) answer(p);
  }

 private:
  void answer(ap::testing::memory_stream& to) {
    ap::error_code gone; // a call that was cancelled has closed it
    to.write_some(asio::buffer(answer_), gone);
  }

  asio::io_context& io_;
  const std::string answer_;
  bool released_ = false;
  std::vector<ap::testing::memory_stream> peers_;
};

} // namespace client_tests
