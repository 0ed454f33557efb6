// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/log.hpp>
#include <antiphon/pubsub/detail/log_store.hpp>
#include <antiphon/pubsub/detail/memory_log.hpp>
#include <antiphon/pubsub/subscription.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// What is kept of a topic, for readers that come later or are slow.
struct topic_options {
  std::size_t history = 1024;                        ///< messages, one at least
  std::size_t history_bytes = std::size_t{16} << 20; ///< as weight() counts them; what is heavier by itself is not kept
  duration max_age = {};                             ///< zero: any
  std::size_t keys = 10'000;                         ///< of a topic with keys: beyond, the one least used is forgotten
};
static_assert(std::is_trivially_destructible_v<topic_options>);

namespace detail {

template <class T, class F>
class predicate final : public selection {
 public:
  predicate(std::string_view n, const counted_ptr<selection>& w, F f)
      : selection(w ? w->name + '\n' + std::string(n) : std::string(n), w), f_(std::move(f)) {}
  bool has(const log_entry& m) const override {
    return (!within || within->has(m)) && f_(static_cast<const log_value<T>&>(m).value);
  }

 private:
  const F f_;
};

/// A message of one subject of a map.
template <class T>
class subject_value final : public log_value<T> {
 public:
  subject_value(T v, const selection& of) : log_value<T>(std::move(v)), of_(&of) {}
  std::string_view subject() const noexcept override { return of_->name; }

 private:
  const counted_ptr<const selection> of_;
};

/// How much a message counts for.
template <class T>
std::size_t weight_of(const T& value) {
  if constexpr (requires {
                  { weight(value) } -> std::convertible_to<std::size_t>;
                }) {
    return weight(value);
  } else {
    return sizeof(T);
  }
}

/// Publishes when it is started, and posts what came of it, with the handler's allocator.
struct initiate_publish {
  template <class Handler>
  struct completion {
    Handler handler;
    error_code ec;
    event_id id;

    using allocator_type = asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler); }
    void operator()() { std::move(handler)(ec, id); }
  };
  template <class Handler, class Topic, class T>
  void operator()(Handler handler, const Topic& to, T value) const {
    const event_id id = to.publish(std::move(value));
    const error_code ec = id == event_id() ? make_error_code(error::closed) : error_code();
    const auto executor = asio::get_associated_executor(handler);
    asio::post(executor, completion<Handler>{std::move(handler), ec, id});
  }
};

} // namespace detail

template <class T>
class topic;
template <class T>
class topic_map;

/// Some of the messages of a topic, or of a map's subjects: a log as well, for faces and subscriptions.
template <class T>
class filtered_topic {
 public:
  using value_type = T;

  /// The newest place.
  cursor head() const { return view().head(); }
  /// For faces.
  log_view view() const { return log_view(log_, what_); }
  /// Reads from `from` on. What is to be done about gaps: ap::on_gap::fail, skip or report.
  template <class Gaps = on_gap::fail_type>
  subscription<T, Gaps> subscribe(const position& from = position::now, Gaps = {}) const {
    return subscription<T, Gaps>(
        detail::counted_ptr<detail::subscribed<T, Gaps>>(new detail::subscribed<T, Gaps>(log_, what_, from)));
  }
  /// The messages for which `has(message)` is true. `name` tells this choice from others of the log: clients' caches go
  /// by it. `has` is called on the readers' threads, and must not throw.
  template <class F>
  requires std::predicate<const F&, const T&> filtered_topic filtered(std::string_view name, F has)
  const {
    return {log_, detail::counted_ptr<detail::selection>(new detail::predicate<T, F>(name, what_, std::move(has)))};
  }

 private:
  friend class topic<T>;
  friend class topic_map<T>;
  filtered_topic(detail::counted_ptr<detail::log_base> log, detail::counted_ptr<detail::selection> what)
      : log_(std::move(log)), what_(std::move(what)) {}
  detail::counted_ptr<detail::log_base> log_;
  detail::counted_ptr<detail::selection> what_;
};

/// A bounded log of messages that many read, each at its own pace and from where it likes: in this program by
/// subscriptions, elsewhere by polls and streams. Publishing never waits for a reader; a reader that falls behind what
/// is kept is told. Works while nobody reads.
///
/// A handle: a copy is the same topic, and all members are const. Thread safety: all members, from any thread; readers
/// are resumed on their own executors. Lifetime: as long as a handle or a reader.
///
///     ap::topic<std::string> news({.history = 1000});
///     news.publish("it rains");
template <class T>
class topic {
 public:
  using value_type = T;

  explicit topic(const topic_options& options = {}) : store_(make(options, 0)) {}
  /// With keys: `key(message)` gives a std::string, and a message supersedes earlier ones of its key for readers that
  /// coalesce. It is called by publish(), and what it throws is thrown by it.
  template <class Key>
  requires std::is_invocable_r_v<std::string, const Key&, const T&> topic(const topic_options& options, Key key)
      : store_(make(options, options.keys)), key_(new key_of<Key>(std::move(key))) {}

  /// Appends a message and wakes the readers, each on its executor; where it stands. It never waits, and calls no
  /// reader. In a closed topic nothing happens, and the id is {0, 0}.
  event_id publish(T value) const {
    auto* const made = what_ ? new detail::subject_value<T>(std::move(value), what_->innermost())
                             : new detail::log_value<T>(std::move(value));
    detail::entry_ptr m(made);
    made->weight = detail::weight_of(made->value);
    std::optional<std::string> key;
    if (key_) key = key_->of(made->value);
    return store_->publish(what_.get(), std::move(m), std::move(key));
  }
  /// publish() as an operation, for what writes to sinks; error::closed in a closed topic.
  ///
  /// Completes:  void(error_code, event_id), by posting to the associated executor. Cancels: nothing.
  template <class Token>
  [[nodiscard]] auto async_send(T value, Token&& token) const {
    return asio::async_initiate<Token, void(error_code, event_id)>(detail::initiate_publish(), token, *this,
                                                                   std::move(value));
  }
  /// Nothing comes any more: readers read what is left, then end.
  void close() const { store_->close(what_.get()); }

  /// Reads from `from` on. What is to be done about gaps: ap::on_gap::fail, skip or report.
  template <class Gaps = on_gap::fail_type>
  subscription<T, Gaps> subscribe(const position& from = position::now, Gaps gaps = {}) const {
    return all().subscribe(from, gaps);
  }
  /// The messages for which `has(message)` is true. `name` tells this choice from others of the topic: clients' caches
  /// go by it. `has` is called on the readers' threads, and must not throw.
  template <class F>
  requires std::predicate<const F&, const T&> filtered_topic<T> filtered(std::string_view name, F has)
  const { return all().filtered(name, std::move(has)); }

  /// The newest place.
  cursor head() const { return view().head(); }
  topic_stats stats() const { return store_->stats(what_.get()); }
  /// For faces.
  log_view view() const { return all().view(); }

 private:
  friend class topic_map<T>;
  topic(detail::counted_ptr<detail::memory_log> store, detail::counted_ptr<detail::selection> what)
      : store_(std::move(store)), what_(std::move(what)) {}

  struct keys : detail::counted {
    virtual std::string of(const T&) const = 0;
  };
  template <class Key>
  struct key_of final : keys {
    explicit key_of(Key k) : key(std::move(k)) {}
    std::string of(const T& value) const override { return key(value); }
    const Key key;
  };

  static detail::counted_ptr<detail::memory_log> make(const topic_options& o, std::size_t keys) {
    return detail::counted_ptr<detail::memory_log>(
        new detail::log_store({(std::max)(o.history, std::size_t{1}), o.history_bytes, o.max_age, keys}));
  }
  filtered_topic<T> all() const { return {store_, what_}; }

  detail::counted_ptr<detail::memory_log> store_;
  detail::counted_ptr<detail::selection> what_; // the subject, where it is one of a map
  detail::counted_ptr<keys> key_;
};

} // namespace v0
} // namespace antiphon
