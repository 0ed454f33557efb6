// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/log.hpp>
#include <antiphon/pubsub/detail/map_store.hpp>
#include <antiphon/pubsub/topic.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {

/// What becomes of a new subject when a map has as many as it may.
enum class full_map : unsigned char {
  refuse,        ///< error::too_many_subjects
  forget_oldest, ///< the subject that nobody reads or has a handle to, and that was used longest ago, makes room
};

/// What is kept of the subjects of a map.
struct topic_map_options {
  std::size_t history = 1024;                        ///< messages of each subject, one at least
  std::size_t history_bytes = std::size_t{16} << 20; ///< of each subject, as weight() counts them
  std::size_t subjects = 10'000;
  full_map full = full_map::refuse;
  std::size_t total_bytes = std::size_t{256} << 20; ///< of all, with 192 for each message: beyond, the oldest go
  duration max_age = {};                            ///< of messages; zero: any
  duration idle =
      std::chrono::minutes(10); ///< unread and without a handle for so long, a subject is forgotten; zero: never
};
static_assert(std::is_trivially_destructible_v<topic_map_options>);

/// Topics that share one log: each has a subject, and patterns of subjects are read as one, in the order in which all
/// was published, with one cursor.
///
/// A subject is tokens with dots between them, "orders.eu.created": at most 256 bytes, no wildcards, no spaces, no
/// control characters. In a pattern `*` stands for any one token, and `>` at its end for one or more:
/// "orders.*.created", "orders.>". Names may come from clients: what is wrong with them is an error_code.
///
/// Reading: position::latest is the newest message kept of each subject, then what comes. For readers that coalesce, a
/// message supersedes the earlier ones of its subject. What a reader of a pattern, or of a subject, has missed is told
/// as in a topic, `at_most` as an upper bound.
///
/// A handle: a copy is the same map, and all members are const. Thread safety: all members, from any thread. Lifetime:
/// as long as a handle, a topic of it or a reader. One lock for all: make several maps where that is too little.
///
///     ap::topic_map<std::string> rooms({.history = 100});
///     rooms.open("rooms.42").publish("hello");
///     auto all = rooms.match("rooms.*").subscribe(ap::position::oldest);
///
/// Source: the subjects and wildcards of NATS. Example: examples/rooms.cpp
template <class T>
class topic_map {
 public:
  using value_type = T;

  explicit topic_map(const topic_map_options& o = {})
      : store_(new detail::map_store({(std::max)(o.history, std::size_t{1}), o.history_bytes, o.subjects, o.total_bytes,
                                      o.max_age, o.idle, o.full == full_map::forget_oldest})) {}

  /// The topic of a subject, which is there from now on: as long as there is a handle or a reader, or a message that is
  /// kept. close() of it closes the subject, until it is forgotten.
  ///
  /// Errors: error::bad_subject, error::too_many_subjects; without `ec` thrown as system_error. With an error the topic
  /// is one of its own, closed and empty.
  topic<T> open(std::string_view subject, error_code& ec) const {
    auto what = store_->at_subject(subject, ec);
    if (!ec) return topic<T>(store_, std::move(what));
    const topic<T> none;
    none.close();
    return none;
  }
  topic<T> open(std::string_view subject) const {
    error_code ec;
    auto opened = open(subject, ec);
    if (ec) throw system_error(ec, "antiphon: topic_map::open");
    return opened;
  }

  /// All subjects that match, now and later, as one log.
  ///
  /// Errors: error::bad_pattern; without `ec` thrown as system_error. With an error the log is one of its own, closed
  /// and empty.
  filtered_topic<T> match(std::string_view pattern, error_code& ec) const {
    auto what = store_->at_pattern(pattern, ec);
    if (!ec) return filtered_topic<T>(store_, std::move(what));
    const topic<T> none;
    none.close();
    return none.all();
  }
  filtered_topic<T> match(std::string_view pattern) const {
    error_code ec;
    auto matching = match(pattern, ec);
    if (ec) throw system_error(ec, "antiphon: topic_map::match");
    return matching;
  }

  /// open() and publish() in one. {0, 0}: nothing was published, for `ec` or since the map or the subject is closed.
  event_id publish(std::string_view subject, T value, error_code& ec) const {
    return open(subject, ec).publish(std::move(value));
  }
  event_id publish(std::string_view subject, T value) const { return open(subject).publish(std::move(value)); }

  /// Nothing comes any more, on no subject: readers read what is left, then end.
  void close() const { store_->close(nullptr); }

  /// How many subjects there are.
  std::size_t size() const { return store_->subjects(); }
  topic_stats stats() const { return store_->stats(nullptr); }

  /// As match(">"): the whole map is a log.
  cursor head() const { return {store_->tag, store_->head()}; }
  log_view view() const { return match(">").view(); }
  template <class Gaps = on_gap::fail_type>
  subscription<T, Gaps> subscribe(const position& from = position::now, Gaps gaps = {}) const {
    return match(">").subscribe(from, gaps);
  }

 private:
  detail::counted_ptr<detail::map_store> store_;
};

} // namespace v0
} // namespace antiphon
