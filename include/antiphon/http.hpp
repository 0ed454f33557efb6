// SPDX-License-Identifier: BSL-1.0
// HTTP's vocabulary, its messages, and its codecs, none of which does I/O.
#pragma once

#include <antiphon/http/address.hpp>
#include <antiphon/http/body_decoder.hpp>
#include <antiphon/http/body_writer.hpp>
#include <antiphon/http/chunk.hpp>
#include <antiphon/http/chunk_decoder.hpp>
#include <antiphon/http/date.hpp>
#include <antiphon/http/error.hpp>
#include <antiphon/http/fields.hpp>
#include <antiphon/http/flow.hpp>
#include <antiphon/http/forwarded.hpp>
#include <antiphon/http/head.hpp>
#include <antiphon/http/host.hpp>
#include <antiphon/http/json_escape.hpp>
#include <antiphon/http/limits.hpp>
#include <antiphon/http/media_type.hpp>
#include <antiphon/http/method.hpp>
#include <antiphon/http/percent.hpp>
#include <antiphon/http/problem.hpp>
#include <antiphon/http/proxy_protocol.hpp>
#include <antiphon/http/query.hpp>
#include <antiphon/http/request.hpp>
#include <antiphon/http/request_parser.hpp>
#include <antiphon/http/request_reader.hpp>
#include <antiphon/http/response.hpp>
#include <antiphon/http/response_parser.hpp>
#include <antiphon/http/response_reader.hpp>
#include <antiphon/http/serializer.hpp>
#include <antiphon/http/status.hpp>
#include <antiphon/http/target.hpp>
#include <antiphon/http/token.hpp>
#include <antiphon/http/utf8.hpp>
