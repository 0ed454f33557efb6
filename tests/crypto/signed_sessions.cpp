// SPDX-License-Identifier: BSL-1.0
#include "server/session_client.hpp"

#include <antiphon/crypto.hpp>
#include <antiphon/server/session_store.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace antiphon_tests {
namespace {

const std::string key(32, 'k');

/// The system's clock, as far as the tests go.
std::chrono::system_clock::time_point wall{std::chrono::seconds(1'000'000'000)};

class signed_sessions : public in_memory {
 protected:
  void use(std::vector<std::string> keys = {key}, ap::signed_session_options o = {}, ap::session_options cookie = {}) {
    o.now = [] { return wall; };
    app.use(ap::sessions(ap::signed_sessions(std::move(keys), o), cookie));
    add_session_routes(app);
  }
  session_client a{s}, b{s};
};

TEST_F(signed_sessions, the_cookie_holds_all_of_it) {
  use();
  EXPECT_EQ(a.ask("/get/x"), "-");
  EXPECT_FALSE(a.last.has("Set-Cookie"));
  a.ask("/set/x/1");
  EXPECT_EQ(a.value(), "1000086400.x=1." + ap::crypto::hmac_sha256(key, "session=1000086400.x=1"));
  EXPECT_EQ(a.last.header("Cache-Control"), "no-store");
  EXPECT_EQ(a.ask("/get/x"), "1");
  EXPECT_FALSE(a.last.has("Set-Cookie"));
  a.ask("/set/x/1");
  EXPECT_FALSE(a.last.has("Set-Cookie")) << "it was that already";
  a.ask("/set/a%3Bb/%22%0D%0A%C3%A9");
  EXPECT_EQ(a.ask("/get/a%3Bb"), "\"\r\n\xc3\xa9");
  a.ask("/erase/x");
  EXPECT_EQ(a.ask("/get/x"), "-");
  a.ask("/logout");
  EXPECT_EQ(a.cookie, "");
  EXPECT_EQ(a.ask("/get/a%3Bb"), "-");
}

TEST_F(signed_sessions, are_read_by_another_process_with_the_key) {
  use();
  a.ask("/login/ann");
  served other(kind::memory);
  other.app.use(ap::sessions(ap::signed_sessions({key}, {.now = [] { return wall; }})));
  add_session_routes(other.app);
  session_client there{other, a.cookie};
  EXPECT_EQ(there.ask("/get/user"), "ann");
  other.finish();
}

TEST_F(signed_sessions, nothing_of_a_cookie_can_be_changed) {
  use();
  a.ask("/set/user/ann");
  const auto good = a.cookie;
  for (std::size_t i = std::string_view("session=").size(); i < good.size(); ++i) {
    b.cookie = good;
    b.cookie[i] = b.cookie[i] == '1' ? '2' : '1';
    EXPECT_EQ(b.ask("/get/user"), "-") << b.cookie;
    b.cookie = good.substr(0, i);
    EXPECT_EQ(b.ask("/get/user"), "-") << b.cookie;
  }
  const auto plain = a.value().substr(0, a.value().rfind('.'));
  const auto mac = [](std::string_view k, std::string_view text) { return "." + ap::crypto::hmac_sha256(k, text); };
  for (const auto& forged :
       {good + "0", "session=" + plain + mac("", "session=" + plain), "session=" + plain + mac(key, plain),
        "session=" + plain + mac(key, "other=" + plain), std::string("session=."), std::string("session=.."),
        std::string("session=") + std::string(65, '.'),
        // Well signed, and not what we write: past its time, or without one.
        "session=1.user=x" + mac(key, "session=1.user=x"), "session=.user=x" + mac(key, "session=.user=x"),
        "session=-1.user=x" + mac(key, "session=-1.user=x")}) {
    b.cookie = forged;
    EXPECT_EQ(b.ask("/get/user"), "-") << forged;
  }
  b.cookie = good;
  EXPECT_EQ(b.ask("/get/user"), "ann");
}

TEST_F(signed_sessions, a_cookie_of_another_name_is_none) {
  use({key}, {}, {.cookie = "other"});
  const std::string plain = "1000086400.user=ann";
  b.cookie = "other=" + plain + "." + ap::crypto::hmac_sha256(key, "session=" + plain);
  EXPECT_EQ(b.ask("/get/user"), "-");
  b.cookie = "other=" + plain + "." + ap::crypto::hmac_sha256(key, "other=" + plain);
  EXPECT_EQ(b.ask("/get/user"), "ann");
}

TEST_F(signed_sessions, end_at_the_time_that_is_signed) {
  use({key}, {.absolute = 1h});
  const auto began = wall;
  a.ask("/set/x/1");
  wall = began + 59min + 59s;
  EXPECT_EQ(a.ask("/get/x"), "1");
  a.ask("/set/y/2"); // what is changed keeps its time
  wall = began + 1h;
  EXPECT_EQ(a.ask("/get/x"), "-");
  a.ask("/set/x/3");
  wall += 59min;
  a.ask("/login/ann"); // begins it again
  wall += 59min;
  EXPECT_EQ(a.ask("/get/x"), "3");
  wall = began;
}

TEST_F(signed_sessions, keys_are_rotated) {
  const std::string before(32, 'b'), newer(32, 'n');
  use({newer, before});
  const std::string plain = "1000086400.x=old";
  a.cookie = "session=" + plain + "." + ap::crypto::hmac_sha256(before, "session=" + plain);
  EXPECT_EQ(a.ask("/get/x"), "old") << "all verify";
  a.ask("/set/y/1");
  EXPECT_EQ(a.value(), "1000086400.x=old&y=1." + ap::crypto::hmac_sha256(newer, "session=1000086400.x=old&y=1"))
      << "the first signs";
  b.cookie = "session=" + plain + "." + ap::crypto::hmac_sha256(key, "session=" + plain);
  EXPECT_EQ(b.ask("/get/x"), "-") << "a key that was taken out";
  using keys = std::vector<std::string>;
  EXPECT_THROW(ap::signed_sessions{keys{}}, std::invalid_argument);
  EXPECT_THROW((ap::signed_sessions{keys{key, "short"}}), std::invalid_argument);
  EXPECT_THROW(ap::signed_sessions{keys{std::string(15, 'x')}}, std::invalid_argument);
  EXPECT_NO_THROW(ap::signed_sessions{keys{std::string(16, 'x')}});
}

TEST_F(signed_sessions, have_the_size_that_browsers_take) {
  use();
  const auto fixed = std::string_view("session"
                                      "1000000000."
                                      "large="
                                      ".")
                         .size() +
                     64;
  EXPECT_EQ(a.ask("/many/" + std::to_string(4096 - fixed)), "kept");
  EXPECT_EQ(a.cookie.size() - 1, 4096U);
  EXPECT_EQ(a.ask("/get/large").size(), 4096 - fixed);
  EXPECT_EQ(a.ask("/many/" + std::to_string(4097 - fixed)), "500");
  EXPECT_EQ(a.ask("/many/400000"), "500");
  EXPECT_EQ(a.ask("/get/large").size(), 4096 - fixed);
  // A larger one is not even looked at, whoever has signed it.
  const std::string plain = "1000086400.x=" + std::string(5'000, 'x');
  b.cookie = "session=" + plain + "." + ap::crypto::hmac_sha256(key, "session=" + plain);
  EXPECT_EQ(b.ask("/get/x"), "-");
}

} // namespace
} // namespace antiphon_tests
