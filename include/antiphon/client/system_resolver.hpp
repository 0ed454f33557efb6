// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/client/resolver.hpp>
#include <antiphon/core/time.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {

/// The limits of a system_resolver.
struct resolver_options {
  std::size_t threads = 4;                     ///< that ask at the same time
  std::size_t questions = 256;                 ///< that wait for one. More: client_error::dns_busy
  duration max_age = std::chrono::seconds(30); ///< an answer is used again for that long; 0: never
  std::size_t names = 1024;                    ///< whose answers are kept
};
static_assert(std::is_aggregate_v<resolver_options> && std::is_trivially_destructible_v<resolver_options>);

/// Asks the system (getaddrinfo), which blocks: on a few threads of its own, that are started when needed and end when
/// they have had nothing to do for ten seconds. One that hangs does not keep a client waiting, nor the program's end;
/// its question is abandoned. The same name is asked for once at a time.
///
/// Thread safety: all members. Several clients may share one.
class system_resolver final : public resolver {
 public:
  /// `ask` stands in the place of getaddrinfo in tests.
  using function = detail::callback<addresses(const std::string& host, error_code& ec)>;

  explicit system_resolver(resolver_options o = {}, function ask = {})
      : shared_(std::make_shared<shared>(o, std::move(ask))) {}
  ~system_resolver() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
    shared_->changed.notify_all();
  }
  system_resolver(const system_resolver&) = delete;
  system_resolver& operator=(const system_resolver&) = delete;

  std::shared_ptr<void> resolve(std::string_view host, const asio::any_io_executor& executor, answer done) override;

 private:
  struct ticket;
  struct question {
    std::string host;
    time_point asked;
    std::vector<ticket*> who;
  };
  struct kept {
    addresses all;
    time_point asked;
  };
  struct shared {
    shared(const resolver_options& o, function f) : options(o), ask(std::move(f)) {}
    const resolver_options options;
    const function ask;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<question>> waiting;
    std::map<std::string, std::shared_ptr<question>, std::less<>> open; // waiting or being asked
    std::map<std::string, kept, std::less<>> answers;
    std::size_t threads = 0, resting = 0;
    bool stopped = false;
  };
  // One who has asked. The threads know it by a plain pointer, under the lock, so that it is destroyed where it
  // belongs.
  struct ticket : std::enable_shared_from_this<ticket> {
    ticket(std::shared_ptr<shared> s, asio::any_io_executor ex, answer d)
        : at(std::move(s)), executor(std::move(ex)), done(std::move(d)) {}
    ~ticket() {
      if (!asked) return;
      const std::lock_guard lock(at->mutex);
      std::erase(asked->who, this);
    }
    /// The context of the executor lives: the caller holds the lock, or is on it.
    void post(error_code ec, addresses all) {
      asio::post(executor, [weak = weak_from_this(), ec, all = std::move(all)]() mutable {
        if (const auto self = weak.lock()) self->done(ec, std::move(all));
      });
    }
    const std::shared_ptr<shared> at;
    const asio::any_io_executor executor;
    const answer done;
    std::shared_ptr<question> asked;
  };
  static void run(const std::shared_ptr<shared>& at);
  static addresses ask_system(const std::string& host, error_code& ec);

  const std::shared_ptr<shared> shared_;
};

} // namespace v0
} // namespace antiphon

#if !defined(ANTIPHON_SEPARATE_COMPILATION)
#include <antiphon/client/detail/system_resolver_threads.hpp>
#endif
