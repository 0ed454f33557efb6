// SPDX-License-Identifier: BSL-1.0
// The server: router, handlers, layers, and what runs them.
#pragma once

#include <antiphon/http/request.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/server/handler.hpp>
#include <antiphon/server/layer.hpp>
#include <antiphon/server/router.hpp>
#include <antiphon/server/run.hpp>
#include <antiphon/server/serve.hpp>
