// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace antiphon {
inline namespace v0 {
namespace http {
namespace detail {

template <class T>
constexpr const char* signature_with() noexcept {
  return ANTIPHON_SIGNATURE;
}

/// The name of a type as the compiler writes it, without RTTI.
template <class T>
constexpr std::string_view name_of_type() noexcept {
  constexpr std::string_view model = signature_with<double>();
  constexpr auto before = model.find("double"), behind = model.size() - before - 6;
  std::string_view name = signature_with<T>();
  name.remove_prefix(before);
  name.remove_suffix(behind);
  return name;
}

/// Values of any types, one of each: what layers leave on a request. None costs one pointer; each is one allocation.
class typed_state {
 public:
  typed_state() = default;
  typed_state(typed_state&& other) noexcept : last_(std::exchange(other.last_, nullptr)) {}
  typed_state& operator=(typed_state&& other) noexcept {
    if (this == &other) return *this;
    clear();
    last_ = std::exchange(other.last_, nullptr);
    return *this;
  }
  ~typed_state() { clear(); }

  bool empty() const noexcept { return !last_; }

  template <class T>
  T* find() const noexcept {
    check_type<T>();
    for (node* n = last_; n; n = n->next)
      if (n->key == &key_of<T>) return &static_cast<holder<T>*>(n)->value;
    return nullptr;
  }
  /// Takes the place of one of the same type.
  template <class T>
  T& set(T value) {
    check_type<T>();
    auto* const made = new holder<T>(std::move(value));
    for (node** at = &last_; *at; at = &(*at)->next) {
      if ((*at)->key != made->key) continue;
      node* const old = *at;
      *at = old->next;
      made->next = std::exchange(last_, made);
      delete old;
      return made->value;
    }
    made->next = std::exchange(last_, made);
    return made->value;
  }
  template <class T>
  T& get() const {
    if (T* const found = find<T>()) return *found;
    throw std::logic_error(missing<T>());
  }

  /// The last one set goes first.
  void clear() noexcept {
    while (node* const n = last_) {
      last_ = n->next;
      delete n;
    }
  }

 private:
  // Not const: equal constants may be folded into one, and then two types would be the same.
  template <class T>
  static inline char key_of = 0;

  struct node {
    explicit node(const char* k) noexcept : key(k) {}
    virtual ~node() = default;
    const char* const key;
    node* next = nullptr;
  };
  template <class T>
  struct holder final : node {
    explicit holder(T v) : node(&key_of<T>), value(std::move(v)) {}
    T value;
  };

  template <class T>
  static constexpr void check_type() {
    static_assert(std::is_object_v<T> && !std::is_array_v<T> && std::is_same_v<T, std::remove_cv_t<T>>,
                  "antiphon: the state of a request is asked for by its plain type, such as state<user>(): neither a "
                  "reference, nor const, nor an array");
    static_assert(std::is_nothrow_destructible_v<T>, "antiphon: the state of a request has a destructor that throws");
  }

  template <class T>
  static std::string missing() {
    std::string text("antiphon: the request has no state of the type '");
    text.append(name_of_type<T>()).append("': ");
    if constexpr (requires { std::string_view(T::set_by); }) {
      text.append("use the layer ").append(T::set_by).append(" around this route");
    } else {
      text.append("use the layer that sets it, by request::set_state(), around this route");
    }
    return text.append(" (find_state() is for what may be missing)");
  }

  node* last_ = nullptr;
};

} // namespace detail
} // namespace http
} // namespace v0
} // namespace antiphon
