// SPDX-License-Identifier: BSL-1.0
// What stands between a log and those who send it on: types are forgotten here, so that each face is compiled once.
#pragma once

#include <antiphon/core/cursor.hpp>
#include <antiphon/core/delivery.hpp>
#include <antiphon/core/detail/counted.hpp>
#include <antiphon/core/detail/waiter_group.hpp>
#include <antiphon/core/message.hpp>
#include <antiphon/core/position.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace antiphon {
inline namespace v0 {
namespace detail {

using entry_ptr = counted_ptr<log_entry>;

/// Messages that are encoded: once, for all readers that stand at the same place.
class encoded : public counted {};

/// A way of encoding messages. An object lives for ever, and is known by its address.
class format {
 public:
  /// `run` is not empty.
  virtual counted_ptr<encoded> encode(std::uint64_t log, std::span<const entry_ptr> run) const = 0;

 protected:
  ~format() = default;
};

/// Which messages of a log a reader gets; where there is none, all. Selections may stand in each other: the innermost
/// is the log's own, as a rule.
class selection : public counted {
 public:
  explicit selection(std::string n, counted_ptr<selection> w = {}, bool a = true)
      : name(std::move(n)), within(std::move(w)), asks(a) {}
  /// Not under a lock: this may be the program's code. Asked of what the log takes for selected, where `asks`.
  virtual bool has(const log_entry& m) const = 0;
  /// Whether its messages have more than one subject.
  virtual bool several_subjects() const noexcept { return within && within->several_subjects(); }
  const selection& innermost() const noexcept { return within ? within->innermost() : *this; }

  /// Tells it from other selections of the log.
  const std::string name;
  const counted_ptr<selection> within;
  const bool asks;
};

class log_base;

/// A reader's place in a log. Used by one thread at a time, and not moved while it reads.
class log_reader {
 public:
  log_reader(counted_ptr<log_base> log, counted_ptr<selection> what, const position& from, bool coalesce = false);
  log_reader(const log_reader&) = delete;
  log_reader& operator=(const log_reader&) = delete;
  ~log_reader();

  /// What it has scanned: all up to there was handed out, or was not selected.
  cursor at() const noexcept;
  log_base& store() const noexcept { return *log_; }
  const selection* what() const noexcept { return what_.get(); }

  enum class result : unsigned char {
    nothing,  ///< wait
    messages, ///< given
    missed,   ///< `gap` says what; it stands before the oldest message that is kept
    other,    ///< the position was another log's; it stands before the oldest message that is kept
    closed,   ///< nothing, and nothing will come
  };
  /// At most `most` messages and about `bytes` of them, one at least if there is one.
  result read(std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out, gap& missed);
  /// The same, encoded.
  result read(const format& f, std::size_t most, std::size_t bytes, counted_ptr<encoded>& out, gap& missed);
  /// Has w.wake() called when there may be something to read, on a serial executor. False: there may be already.
  bool join(const asio::any_io_executor& executor, waiter& w);
  /// How many messages of the log it has not scanned.
  std::uint64_t lag() const noexcept;
  /// Whether it is three quarters of the history behind, so that messages are about to be dropped before it reads them.
  /// join() then waits for what comes after this look.
  bool lags() noexcept;

 private:
  friend class memory_log;
  friend class log_store;
  friend class map_store;

  const counted_ptr<log_base> log_;
  counted_ptr<selection> what_;
  log_reader* next_ = nullptr; // in the log's list
  log_reader** link_ = nullptr;
  event_id at_;
  std::uint64_t seen_ = 0; // of the log's notifications, before it was last read
  bool other_ = false;     // to be told
  bool begins_ = false;    // what_ is one that the log has put around it for the beginning
  const bool coalesce_;
};

/// A log. Thread safety: all members.
class log_base : public counted {
 public:
  explicit log_base(std::uint64_t t) noexcept : tag(t) {}
  const std::uint64_t tag;
  std::atomic<std::size_t> parked{0}; ///< polls of clients that wait

  virtual event_id head() const = 0;

 protected:
  using result = log_reader::result;
  friend class log_reader;
  virtual void open(log_reader& r, const position& from) = 0;
  virtual void leave(log_reader& r) noexcept = 0;
  virtual result read(log_reader& r, std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out, gap& missed) = 0;
  virtual result read(log_reader& r, const format& f, std::size_t most, std::size_t bytes, counted_ptr<encoded>& out,
                      gap& missed) = 0;
  virtual bool join(log_reader& r, const asio::any_io_executor& executor, waiter& w) = 0;
  virtual std::uint64_t lag(const log_reader& r) const noexcept = 0;
  virtual bool lags(log_reader& r) const noexcept = 0;
};

inline log_reader::log_reader(counted_ptr<log_base> log, counted_ptr<selection> what, const position& from,
                              bool coalesce)
    : log_(std::move(log)), what_(std::move(what)), coalesce_(coalesce) {
  log_->open(*this, from);
}
inline log_reader::~log_reader() { log_->leave(*this); }
inline cursor log_reader::at() const noexcept { return {log_->tag, at_}; }
inline log_reader::result log_reader::read(std::size_t most, std::size_t bytes, std::vector<entry_ptr>& out,
                                           gap& missed) {
  return log_->read(*this, most, bytes, out, missed);
}
inline log_reader::result log_reader::read(const format& f, std::size_t most, std::size_t bytes,
                                           counted_ptr<encoded>& out, gap& missed) {
  return log_->read(*this, f, most, bytes, out, missed);
}
inline bool log_reader::join(const asio::any_io_executor& executor, waiter& w) {
  return log_->join(*this, executor, w);
}
inline std::uint64_t log_reader::lag() const noexcept { return log_->lag(*this); }
inline bool log_reader::lags() noexcept { return log_->lags(*this); }

} // namespace detail
} // namespace v0
} // namespace antiphon
