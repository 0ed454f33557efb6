// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/pubsub/detail/subject.hpp>

#include <map>
#include <string>
#include <string_view>

namespace antiphon {
inline namespace v0 {
namespace detail {

/// Patterns, each with a T: which of them match a subject is found without looking at the others. Depth is bounded by
/// the length of subjects.
template <class T>
class pattern_tree {
 public:
  /// What stands at the pattern; a new T() if there is none yet.
  T& operator[](std::string_view pattern) {
    node* at = &root_;
    while (!pattern.empty()) {
      const auto token = take_token(pattern);
      auto found = at->next.find(token);
      if (found == at->next.end()) found = at->next.emplace(std::string(token), node()).first;
      at = &found->second;
    }
    return at->here;
  }

  void erase(std::string_view pattern) noexcept { erase(root_, pattern); }

  /// f(T&) for all whose pattern matches.
  template <class F>
  void for_each_match(std::string_view subject, F f) {
    visit(root_, subject, f);
  }

  template <class F>
  void for_each(F f) {
    visit_all(root_, f);
  }

 private:
  struct node {
    std::map<std::string, node, std::less<>> next; // by token, wildcards among them
    T here{};
  };

  static void erase(node& at, std::string_view pattern) noexcept {
    if (pattern.empty()) {
      at.here = T();
      return;
    }
    const auto found = at.next.find(take_token(pattern));
    if (found == at.next.end()) return;
    erase(found->second, pattern);
    if (!found->second.here && found->second.next.empty()) at.next.erase(found);
  }

  template <class F>
  static void visit(node& at, std::string_view subject, F& f) {
    if (subject.empty()) {
      if (at.here) f(at.here);
      return;
    }
    if (at.next.empty()) return;
    if (const auto rest = at.next.find(std::string_view(">")); rest != at.next.end() && rest->second.here)
      f(rest->second.here);
    const auto token = take_token(subject);
    for (const auto name : {token, std::string_view("*")})
      if (const auto found = at.next.find(name); found != at.next.end()) visit(found->second, subject, f);
  }

  template <class F>
  static void visit_all(node& at, F& f) {
    if (at.here) f(at.here);
    for (auto& n : at.next) visit_all(n.second, f);
  }

  node root_;
};

} // namespace detail
} // namespace v0
} // namespace antiphon
