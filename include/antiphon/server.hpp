// SPDX-License-Identifier: BSL-1.0
// The server: router, handlers, layers, and what runs them.
// The layers that come with it are included by name, as a program that has none should not compile them:
// <antiphon/server/layers/request_id.hpp>, access_log.hpp, metrics.hpp, trusted_proxies.hpp.
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/server/handler.hpp>
#include <antiphon/server/inherited_listeners.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/server/router.hpp>
#include <antiphon/server/run.hpp>
#include <antiphon/server/serve.hpp>
#include <antiphon/server/unix_listener.hpp>
