// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/request.hpp>

#include <asio/compose.hpp>
#include <asio/post.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {

/// The body of a request as a source of pieces, for pipe(): `ap::body_reader from(req); co_await ap::pipe(from, to);`.
/// A streamed body comes as it is sent, and the sink's pace is the client's.
///
/// Lifetime: not longer than the request. Thread safety: none, and one receive at a time.
class body_reader {
 public:
  explicit body_reader(request& r) noexcept : request_(&r) {}

  asio::any_io_executor get_executor() const { return request_->executor(); }

  /// Completes:  void(error_code, std::string) with the next bytes.
  /// Errors:     asio::error::eof at the end of the body; those of request::read_some().
  /// Cancels:    terminal; the body can still be read on.
  /// Borrows:    the request until completion.
  template <class Token>
  auto async_receive(Token&& token) {
    return asio::async_compose<Token, void(error_code, std::string)>(receive{request_}, token, get_executor());
  }

 private:
  struct receive {
    enum class state { begun, waited, ready };

    request* from;
    state at = state::begun;
    error_code result{};
    std::string value{};

    template <class Self>
    void operator()(Self& self, error_code ec = {}) {
      if (at == state::ready) return self.complete(result, std::move(value));
      std::string_view piece;
      if (!ec && !detail::request_access::next_piece(*from, piece, ec)) {
        at = state::waited;
        auto& host = detail::request_access::reading(*from);
        const auto executor = host.body_executor();
        return host.body_wait(*antiphon::detail::park<detail::parked_wait>(std::move(self), executor, host));
      }
      result = ec ? ec : piece.empty() ? error_code(asio::error::eof) : error_code();
      value = piece;
      if (std::exchange(at, state::ready) == state::waited) return self.complete(result, std::move(value));
      const auto executor = from->executor(); // never within the initiating call
      asio::post(executor, std::move(self));
    }
  };

  request* request_;
};

} // namespace http

using http::body_reader;

} // namespace v0
} // namespace antiphon
