// SPDX-License-Identifier: BSL-1.0
// The client. Its layers are included by name: <antiphon/client/layers/retry.hpp>, tracing.hpp, metrics.hpp.
#pragma once

#include <antiphon/client/client.hpp>
#include <antiphon/client/connector.hpp>
#include <antiphon/client/error.hpp>
#include <antiphon/client/layer.hpp>
#include <antiphon/client/options.hpp>
#include <antiphon/client/proxy.hpp>
#include <antiphon/client/request.hpp>
#include <antiphon/client/resolver.hpp>
#include <antiphon/client/response.hpp>
#include <antiphon/client/system_resolver.hpp>
