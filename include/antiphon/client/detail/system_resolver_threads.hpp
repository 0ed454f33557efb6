// SPDX-License-Identifier: BSL-1.0
// system_resolver: questions, and the threads that ask them.
#pragma once

#include <antiphon/client/error.hpp>
#include <antiphon/client/system_resolver.hpp>
#include <antiphon/core/detail/decl.hpp>

#include <asio/ip/tcp.hpp>

#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace antiphon {
inline namespace v0 {

ANTIPHON_DECL std::shared_ptr<void> system_resolver::resolve(std::string_view host,
                                                             const asio::any_io_executor& executor, answer done) {
  auto& s = *shared_;
  const auto now = detail::time_of(executor).now();
  auto made = std::make_shared<ticket>(shared_, executor, std::move(done));
  const std::lock_guard lock(s.mutex);
  if (const auto found = s.answers.find(host); found != s.answers.end()) {
    if (now < detail::later(found->second.asked, s.options.max_age)) {
      made->post({}, found->second.all);
      return made;
    }
    s.answers.erase(found);
  }
  auto pending = s.open.find(host);
  if (pending == s.open.end()) {
    if (s.waiting.size() >= s.options.questions) {
      made->post(client_error::dns_busy, {});
      return made;
    }
    pending = s.open.emplace(std::string(host), std::make_shared<question>()).first;
    pending->second->host = host;
    pending->second->asked = now;
    s.waiting.push_back(pending->second);
    if (s.resting < s.waiting.size() && s.threads < (s.options.threads == 0 ? 1 : s.options.threads)) {
      try {
        std::thread([at = shared_] { run(at); }).detach();
        ++s.threads;
      } catch (const std::system_error&) { // no more threads: those that there are must do
      }
    }
    s.changed.notify_one();
  }
  made->asked = pending->second;
  made->asked->who.push_back(made.get());
  return made;
}

ANTIPHON_DECL void system_resolver::run(const std::shared_ptr<shared>& at) {
  auto& s = *at;
  std::unique_lock lock(s.mutex);
  while (true) {
    ++s.resting;
    const bool some =
        s.changed.wait_for(lock, std::chrono::seconds(10), [&] { return s.stopped || !s.waiting.empty(); });
    --s.resting;
    if (!some || s.stopped) break;
    const auto q = std::move(s.waiting.front());
    s.waiting.pop_front();
    if (q->who.empty()) { // nobody wants to know any more
      s.open.erase(q->host);
      continue;
    }
    lock.unlock();
    error_code ec;
    addresses all;
    try {
      all = s.ask ? s.ask(q->host, ec) : ask_system(q->host, ec);
    } catch (const std::bad_alloc&) {
      ec = asio::error::no_memory;
    }
    lock.lock();
    s.open.erase(q->host);
    if (!ec && s.options.max_age > duration::zero() && s.options.names != 0) {
      if (s.answers.size() >= s.options.names) s.answers.erase(s.answers.begin());
      s.answers[q->host] = {all, q->asked};
    }
    for (ticket* const t : q->who) t->post(ec, all);
  }
  --s.threads;
}

ANTIPHON_DECL resolver::addresses system_resolver::ask_system(const std::string& host, error_code& ec) {
  asio::io_context unused;
  asio::ip::tcp::resolver system(unused);
  addresses all;
  for (const auto& entry : system.resolve(host, "", ec)) all.push_back(entry.endpoint().address());
  return all;
}

} // namespace v0
} // namespace antiphon
