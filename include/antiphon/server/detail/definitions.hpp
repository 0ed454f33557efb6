// SPDX-License-Identifier: BSL-1.0
// Connections and servers, without the parts that are templates over a stream or a listener: the bulk of what a server
// costs to compile.
#pragma once

#include <antiphon/server/detail/connection_handling.hpp>
#include <antiphon/server/detail/connection_input.hpp>
#include <antiphon/server/detail/connection_life.hpp>
#include <antiphon/server/detail/connection_list.hpp>
#include <antiphon/server/detail/connection_output.hpp>
#include <antiphon/server/detail/connection_peer.hpp>
#include <antiphon/server/detail/connection_streaming.hpp>
#include <antiphon/server/detail/connection_time.hpp>
#include <antiphon/server/detail/server_life.hpp>
