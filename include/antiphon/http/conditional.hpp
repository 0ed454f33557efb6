// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/http/date.hpp>
#include <antiphon/http/etag.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/token.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What the server knows of the content that a request is about, at this moment.
struct validators {
  bool exists = true;            ///< there is content at all: what `*` asks for
  std::optional<entity_tag> tag; ///< its tag; nothing: it has none
  std::optional<std::chrono::sys_seconds> modified;
  std::chrono::sys_seconds now{}; ///< the server's clock: what changed in this very second may change again in it
};

/// What the preconditions of a request come to.
enum class precondition : unsigned char {
  proceed,      ///< answer it, with the ranges that it asks for
  ignore_range, ///< answer it, but with the whole content: what the client has is of another version
  not_modified, ///< 304
  failed,       ///< 412
};

/// Evaluates the five conditional fields of a request, in the order that is prescribed.
///
///     preconditions asked(now);
///     req.for_each_header([&](auto name, auto value) { asked.field(name, value); });
///     switch (asked.result(req.method())) ...
///
/// Borrows: the validators' tag. A field that cannot be read is as if it were not there, but for the two that say what
/// a change depends on: a broken If-Match matches nothing, and a broken If-Range is of another version.
/// Source: RFC 9110, section 13.
class preconditions {
 public:
  constexpr explicit preconditions(const validators& now) noexcept : now_(now) {
    if (!now.exists) now_.tag.reset(), now_.modified.reset();
  }

  /// One field line of the request, of any name.
  void field(std::string_view name, std::string_view value) noexcept {
    if (name.size() == 5) {
      has_range_ = has_range_ || iequals(name, "Range");
      return;
    }
    if (name.size() < 8 || to_lower(name[0]) != 'i' || to_lower(name[1]) != 'f' || name[2] != '-') return;
    if (iequals(name, "If-Match")) {
      match_.add(value, now_, [this](const entity_tag& t) { return t.same_bytes(*now_.tag); });
    } else if (iequals(name, "If-None-Match")) {
      none_match_.add(value, now_, [this](const entity_tag& t) { return t.equivalent(*now_.tag); });
    } else if (iequals(name, "If-Modified-Since")) {
      modified_.add(value, now_);
    } else if (iequals(name, "If-Unmodified-Since")) {
      unmodified_.add(value, now_);
    } else if (iequals(name, "If-Range")) {
      same_version_ = !has_if_range_ && is_same_version(trim_ows(value));
      has_if_range_ = true;
    }
  }

  precondition result(method verb) const noexcept {
    if (verb == method::connect || verb == method::options || verb == method::trace) return precondition::proceed;
    const bool reads = verb == method::get || verb == method::head;
    if (match_.there) {
      if (!match_.holds) return precondition::failed;
    } else if (unmodified_.date && now_.modified) {
      if (*now_.modified > *unmodified_.date) return precondition::failed;
    }
    if (none_match_.there) {
      if (none_match_.holds) return reads ? precondition::not_modified : precondition::failed;
    } else if (reads && modified_.date && now_.modified) {
      if (*now_.modified <= *modified_.date) return precondition::not_modified;
    }
    return verb == method::get && has_range_ && has_if_range_ && !same_version_ ? precondition::ignore_range
                                                                                : precondition::proceed;
  }

 private:
  /// A list of tags, or `*`, in one line or in several.
  struct tags {
    template <class Same>
    void add(std::string_view value, const validators& now, Same same) noexcept {
      there = true;
      value = trim_ows(value);
      if (value == "*") holds = holds || now.exists;
      if (!now.tag) return;
      while (const auto tag = next_entity_tag(value)) holds = holds || same(*tag);
    }
    bool there = false, holds = false;
  };
  struct since {
    void add(std::string_view value, const validators& now) noexcept {
      date = repeated ? std::nullopt : parse_date(trim_ows(value), now.now);
      repeated = true;
    }
    std::optional<std::chrono::sys_seconds> date;
    bool repeated = false;
  };

  bool is_same_version(std::string_view value) const noexcept {
    if (const auto tag = entity_tag::parse(value)) return now_.tag && tag->same_bytes(*now_.tag);
    const auto date = parse_date(value, now_.now);
    return date && now_.modified && *date == *now_.modified && *now_.modified < now_.now;
  }

  validators now_;
  tags match_, none_match_;
  since modified_, unmodified_;
  bool has_range_ = false, has_if_range_ = false, same_version_ = false;
};

} // namespace http
} // namespace v0
} // namespace antiphon
