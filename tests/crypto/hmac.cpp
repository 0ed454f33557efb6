// SPDX-License-Identifier: BSL-1.0
#include <antiphon/crypto/hmac.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

namespace ap = antiphon;

TEST(hmac, is_that_of_rfc_4231) {
  EXPECT_EQ(ap::crypto::hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(ap::crypto::hmac_sha256(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_TRUE(ap::crypto::same_bytes("ab", "ab"));
  EXPECT_TRUE(ap::crypto::same_bytes("", ""));
  EXPECT_FALSE(ap::crypto::same_bytes("ab", "aB"));
  EXPECT_FALSE(ap::crypto::same_bytes("ab", "abc"));
}

} // namespace
