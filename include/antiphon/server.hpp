// SPDX-License-Identifier: BSL-1.0
// The server: router, handlers, layers, and what runs them.
// What comes with it is included by name, as a program that has none of it should not compile it: the layers of
// docs/layers.md, and files.hpp, session.hpp.
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
