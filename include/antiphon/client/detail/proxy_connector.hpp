// SPDX-License-Identifier: BSL-1.0
// The connector of make_proxy_connector().
#pragma once

#include <antiphon/client/detail/tcp_connector.hpp>
#include <antiphon/client/proxy.hpp>
#include <antiphon/core/error.hpp>
#include <antiphon/http/base64.hpp>
#include <antiphon/http/percent.hpp>
#include <antiphon/http/response_parser.hpp>
#include <antiphon/http/url.hpp>

#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// One CONNECT: from the connection to the proxy to the end of the head of its answer. Not a byte more is read: what
/// follows is the server's.
class proxy_attempt final : public stream_user {
 public:
  proxy_attempt(std::string request, const proxy_options& o, connector::result done)
      : request_(std::move(request)), unsent_(request_), interim_(o.interim), done_(std::move(done)), parser_([&] {
          auto limits = http::response_head_limits();
          limits.header_bytes = o.response_head;
          return limits;
        }()) {}

  void begin(connector& inner, const connect_target& proxy, const asio::any_io_executor& executor) {
    inner_ = inner.connect(proxy, executor, [this](error_code ec, std::unique_ptr<client_stream> stream) {
      const counted_ptr<proxy_attempt> self(this);
      const auto keep = std::move(inner_); // this runs inside of it, perhaps
      stream_ = std::move(stream);
      if (!ec) stream_->open(ec);
      ec ? fail(ec) : send();
    });
  }
  void give_up() noexcept {
    done_ = {};
    inner_.reset();
    if (stream_) stream_->close(); // and kept for what it has under way
  }

 private:
  /// Reads begin when all is sent, so that nothing is under way when the stream is handed on.
  void send() {
    while (!unsent_.empty()) {
      const gather from{asio::const_buffer(unsent_.data(), unsent_.size()), asio::const_buffer()};
      error_code ec;
      unsent_.remove_prefix(stream_->write(from, ec));
      if (!ec) continue;
      if (!is_later(ec)) return fail(ec);
      return stream_->wait_write(from, counted_ptr<stream_user>(this));
    }
    stream_->wait_read(counted_ptr<stream_user>(this));
  }
  void on_writable(error_code ec, std::size_t n) override {
    if (!done_) return;
    unsent_.remove_prefix(n);
    ec ? fail(ec) : send();
  }

  void on_readable(error_code ec) override {
    if (!done_) return;
    try {
      ec ? fail(ec) : receive();
    } catch (const std::bad_alloc&) {
      if (!done_) throw;
      fail(asio::error::no_memory);
    }
  }
  void receive() {
    while (true) {
      char next;
      error_code ec;
      if (stream_->read(asio::mutable_buffer(&next, 1), ec) == 0) {
        if (ec && !is_later(ec)) return fail(ec);
        return stream_->wait_read(counted_ptr<stream_user>(this));
      }
      in_.push_back(next);
      switch (parser_.parse(in_, http::method::connect, head_, ec)) {
      case http::parse_result::more: continue;
      case http::parse_result::failed: return fail(client_error::proxy_bad_answer);
      case http::parse_result::done: break;
      }
      if (http::is_success(head_.status)) return std::exchange(done_, {})({}, std::move(stream_));
      if (!head_.interim()) return fail(refusal(head_.status));
      if (interim_-- == 0) return fail(client_error::proxy_bad_answer);
      in_.clear();
    }
  }

  void fail(error_code ec) {
    std::exchange(done_, {})(is_disconnect(ec) ? error_code(client_error::proxy_closed) : ec, nullptr);
  }
  static bool is_later(const error_code& ec) noexcept {
    return ec == asio::error::would_block || ec == asio::error::try_again;
  }
  static client_error refusal(http::status s) noexcept {
    return static_cast<client_error>(static_cast<int>(client_error::proxy_refused) + http::code(s));
  }

  const std::string request_;
  std::string_view unsent_;
  std::string in_;
  unsigned interim_;
  connector::result done_;
  std::shared_ptr<void> inner_;
  std::unique_ptr<client_stream> stream_;
  http::response_parser parser_;
  http::response_head head_;
};

class proxy_connector final : public connector {
 public:
  /// `authorization`: a field line, or nothing.
  proxy_connector(http::url proxy, std::string authorization, const proxy_options& o, std::shared_ptr<connector> inner)
      : proxy_(std::move(proxy)), authorization_(std::move(authorization)), options_(o), inner_(std::move(inner)) {}

  std::string_view resolves(std::string_view) const override { return inner_->resolves(proxy_.host()); }
  std::shared_ptr<void> connect(const connect_target& to, const asio::any_io_executor& executor, result done) override {
    if (!to.unix_socket.empty()) return inner_->connect(to, executor, std::move(done));
    const auto server = std::string(to.host) + ":" + std::to_string(to.port);
    if (!http::valid_host(server)) return failed_attempt::post(client_error::bad_url, executor, std::move(done));
    const connect_target proxy{proxy_.scheme(), proxy_.host(), proxy_.port(), {}, to.addresses};
    counted_ptr<proxy_attempt> attempt(
        new proxy_attempt("CONNECT " + server + " HTTP/1.1\r\nHost: " + server + "\r\n" + authorization_ + "\r\n",
                          options_, std::move(done)));
    attempt->begin(*inner_, proxy, executor);
    return attempt_handle(attempt);
  }

 private:
  const http::url proxy_;
  const std::string authorization_;
  const proxy_options options_;
  const std::shared_ptr<connector> inner_;
};

/// The field line of the user information of a URL; nothing where it cannot be sent.
inline std::optional<std::string> proxy_authorization(std::string_view info) {
  const auto colon = info.find(':');
  const auto user = http::percent_decode(info.substr(0, colon));
  const auto password = http::percent_decode(colon == info.npos ? std::string_view() : info.substr(colon + 1));
  if (!user || !password || user->find(':') != user->npos) return std::nullopt;
  const auto both = *user + ":" + *password;
  if (!http::is_field_value(both)) return std::nullopt;
  return "Proxy-Authorization: Basic " + http::base64_encode(both) + "\r\n";
}

} // namespace detail

ANTIPHON_DECL std::shared_ptr<connector> make_proxy_connector(std::string_view url, proxy_options options,
                                                              std::shared_ptr<connector> inner) {
  if (!inner) inner = std::make_shared<detail::tcp_connector>();
  const auto colon = url.find("://");
  const auto start = colon == url.npos ? url.size() : colon + 3;
  const auto authority = url.substr(start, url.find_first_of("/?#", start) - start);
  std::optional<std::string> authorization("");
  std::string plain(url); // without the credentials
  if (const auto at = authority.rfind('@'); at != authority.npos) {
    authorization = detail::proxy_authorization(authority.substr(0, at));
    plain.erase(start, at + 1);
  }
  auto proxy = http::url::parse(plain);
  if (!proxy || !authorization || proxy->target() != "/")
    throw std::invalid_argument("antiphon: the URL of a proxy is http://host:port, where it wants credentials "
                                "http://user:password@host:port, percent-encoded, and nothing behind that");
  if (!inner->takes(proxy->scheme()))
    throw std::invalid_argument("antiphon: a proxy that is reached over https wants a connector below it that speaks "
                                "TLS: make_proxy_connector(url, {}, connector)");
  return std::make_shared<detail::proxy_connector>(std::move(*proxy), std::move(*authorization), options,
                                                   std::move(inner));
}

} // namespace v0
} // namespace antiphon
