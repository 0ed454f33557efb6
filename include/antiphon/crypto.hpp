// SPDX-License-Identifier: BSL-1.0
// What needs OpenSSL's libcrypto: link antiphon::crypto.
#pragma once

#include <antiphon/crypto/hmac.hpp>
#include <antiphon/crypto/signed_sessions.hpp>
