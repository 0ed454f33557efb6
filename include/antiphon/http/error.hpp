// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <antiphon/core/detail/asio.hpp>
#include <antiphon/http/status.hpp>

#include <string>
#include <type_traits>

namespace antiphon {
inline namespace v0 {
namespace http {

/// What was wrong with a message; the names state the threat. `message()` is a sentence for the peer's developer.
enum class error {
  // request line
  bad_request_line = 1,
  bad_method,
  bad_target,
  bad_version,
  unsupported_version,
  uri_too_long,
  // bytes and field lines of a head
  bare_cr,
  bare_lf,
  nul_byte,
  bad_field_line,
  bad_field_name,
  bad_field_value,
  space_before_colon,
  space_before_field,
  obs_fold,
  head_too_large,
  field_too_large,
  too_many_fields,
  // Host
  missing_host,
  repeated_host,
  bad_host,
  // framing
  bad_content_length,
  repeated_content_length,
  conflicting_lengths,
  bad_transfer_coding,
  repeated_transfer_coding,
  unsupported_transfer_coding,
  transfer_coding_in_http_1_0,
  // body
  bad_chunk_size,
  bad_chunk_framing,
  bad_chunk_extension,
  chunk_overhead,
  bad_trailer,
  trailer_too_large,
  body_too_large,
  incomplete_message,
  // what a well-formed request asks for
  unsupported_expectation,
  unexpected_upgrade_bytes,
  bad_parameter,
  too_many_parameters,
  too_many_cookies,
  // forms
  unsupported_media_type,
  bad_boundary,
  bad_part_delimiter,
  bad_part_head,
  part_head_too_large,
  too_many_parts,
  bytes_outside_parts,
  incomplete_multipart,
  // what a proxy says of its client
  bad_proxy_header,
  proxy_header_too_large,
  bad_forwarded,
  // time
  head_timeout,
  body_timeout,
  body_too_slow,
  // responses
  bad_status_line,
  bad_reason,
  too_many_interim_responses,
  unexpected_switch,
  unexpected_response_bytes,
};

} // namespace http
} // namespace v0
} // namespace antiphon

namespace std {
template <>
struct is_error_code_enum<antiphon::http::error> : true_type {};
} // namespace std

namespace antiphon {
inline namespace v0 {
namespace http {

namespace detail {

constexpr const char* sentence_of(error e) noexcept {
  switch (e) {
  case error::bad_request_line:
    return "the request line is not METHOD, one space, target, one space, HTTP/1.1; send exactly these";
  case error::bad_method: return "the method is not one that this parser knows; send a registered method in upper case";
  case error::bad_target:
    return "the request target is malformed; send a path that begins with '/', or an http URI, percent-encode all but "
           "visible ASCII, and leave the fragment out";
  case error::bad_version: return "the protocol version is malformed; send HTTP/1.1";
  case error::unsupported_version: return "the protocol version is not served here; send HTTP/1.1";
  case error::uri_too_long: return "the request line is longer than the limit; shorten the URI or send data in a body";
  case error::bare_cr: return "the head contains a CR that no LF follows; end lines with CRLF";
  case error::bare_lf: return "the head contains an LF without a CR before it; end lines with CRLF";
  case error::nul_byte: return "the head contains a NUL byte; remove it";
  case error::bad_field_line: return "a field line has no colon; send \"Name: value\"";
  case error::bad_field_name: return "a field name is empty or not a token; use letters, digits and hyphens";
  case error::bad_field_value: return "a field value contains a control byte; remove or encode it";
  case error::space_before_colon: return "there is whitespace between a field name and its colon; remove it";
  case error::space_before_field: return "there is whitespace before the first field; remove it";
  case error::obs_fold: return "a field is folded over several lines, which is obsolete; send it on one line";
  case error::head_too_large: return "the fields of the head are larger than the limit; send fewer or shorter fields";
  case error::field_too_large: return "a field is larger than the limit; shorten it";
  case error::too_many_fields: return "the head has more fields than the limit; send fewer";
  case error::missing_host: return "the Host field is missing; HTTP/1.1 requires one";
  case error::repeated_host: return "there is more than one Host field; send exactly one";
  case error::bad_host: return "the Host field is not a host with an optional port; send \"name:port\"";
  case error::bad_content_length: return "Content-Length is not a plain decimal number, or overflows; send digits only";
  case error::repeated_content_length: return "Content-Length is there more than once or is a list; send one number";
  case error::conflicting_lengths: return "the message has both Content-Length and Transfer-Encoding; send one of them";
  case error::bad_transfer_coding: return "Transfer-Encoding is malformed; send exactly \"chunked\" or leave it out";
  case error::repeated_transfer_coding: return "there is more than one transfer coding; send exactly one \"chunked\"";
  case error::unsupported_transfer_coding: return "the transfer coding is not known here; only \"chunked\" is";
  case error::transfer_coding_in_http_1_0: return "HTTP/1.0 has no Transfer-Encoding; send Content-Length";
  case error::bad_chunk_size: return "a chunk size is not plain hexadecimal or overflows; send hexadecimal digits only";
  case error::bad_chunk_framing: return "a chunk is not framed by CRLF; send size, CRLF, that many bytes, CRLF";
  case error::bad_chunk_extension: return "a chunk extension is malformed or too long; leave extensions out";
  case error::chunk_overhead: return "the body has far more chunk framing than data; send larger chunks";
  case error::bad_trailer: return "a trailer is malformed; send \"Name: value\" lines and an empty line";
  case error::trailer_too_large: return "the trailers are larger than the limit; send fewer or shorter fields";
  case error::body_too_large: return "the body is larger than the limit; send less";
  case error::incomplete_message: return "the connection ended inside a message; send it whole";
  case error::unsupported_expectation: return "the expectation is not known here; only \"100-continue\" is";
  case error::unexpected_upgrade_bytes: return "bytes of another protocol came before it was agreed; wait for the 101";
  case error::bad_parameter: return "a parameter has a value that cannot be used; correct it";
  case error::too_many_parameters: return "there are more query or form parameters than the limit; send fewer";
  case error::too_many_cookies: return "there are more cookies than the limit; send fewer";
  case error::unsupported_media_type: return "the Content-Type of the body is not one that is read here";
  case error::bad_boundary:
    return "the Content-Type has no usable boundary; send one parameter \"boundary\" of 1 to 70 characters";
  case error::bad_part_delimiter:
    return "a boundary is followed by neither CRLF nor \"--\"; choose a boundary that no part contains";
  case error::bad_part_head:
    return "the head of a part is malformed; send Content-Disposition: form-data with a name, each line with CRLF";
  case error::part_head_too_large: return "the head of a part is larger than the limit; send shorter names";
  case error::too_many_parts: return "the body has more parts than the limit; send fewer";
  case error::bytes_outside_parts: return "there are too many bytes before the first part or after the last";
  case error::incomplete_multipart: return "the body ends before its last boundary; send it whole";
  case error::bad_proxy_header:
    return "the connection does not begin with a PROXY header, version 1 or 2, of a stream; have the proxy send one";
  case error::proxy_header_too_large: return "the PROXY header is longer than the limit; send fewer TLVs";
  case error::bad_forwarded:
    return "a field in which proxies name the client (Forwarded, X-Forwarded-...) is malformed; leave it to the proxy";
  case error::head_timeout: return "the head did not come in time; send it faster";
  case error::body_timeout: return "the body stopped coming; send it without long pauses";
  case error::body_too_slow: return "the body came too slowly; send it faster";
  case error::bad_status_line: return "the status line is not HTTP/1.1, a code of three digits and a reason";
  case error::bad_reason: return "the reason phrase contains a control byte";
  case error::too_many_interim_responses: return "the server sent more interim (1xx) responses than the limit";
  case error::unexpected_switch: return "the server switched protocols (101) though nobody asked for it";
  case error::unexpected_response_bytes: return "the server sent bytes that belong to no response";
  }
  return "an unknown error of antiphon.http";
}

class error_category_type final : public asio::error_category {
 public:
  constexpr error_category_type() noexcept = default;
  const char* name() const noexcept override { return "antiphon.http"; }
  std::string message(int value) const override { return sentence_of(static_cast<error>(value)); }
};

// Never destroyed, so that an error may still be printed while the program ends.
union error_category_holder {
  constexpr error_category_holder() noexcept : value() {}
  error_category_holder(const error_category_holder&) = delete;
  error_category_holder& operator=(const error_category_holder&) = delete;
  ~error_category_holder() {}
  error_category_type value;
};

} // namespace detail

/// The category of `http::error`.
inline const asio::error_category& error_category() noexcept {
  static constinit detail::error_category_holder holder;
  return holder.value;
}

inline error_code make_error_code(error e) noexcept { return error_code(static_cast<int>(e), error_category()); }

/// What is thrown where a request is not as its handler wants it: a mistake of the client's. A handler that lets it
/// through answers with the status and the sentence of its code; on_error hears nothing of it.
class request_error : public system_error {
 public:
  using system_error::system_error;
};

/// The status that answers a request with this error. The last group concerns responses: 502, for a gateway.
constexpr status status_of(error e) noexcept {
  switch (e) {
  case error::unsupported_version: return status::http_version_not_supported;
  case error::uri_too_long: return status::uri_too_long;
  case error::head_too_large:
  case error::field_too_large:
  case error::too_many_fields:
  case error::trailer_too_large: return status::request_header_fields_too_large;
  case error::unsupported_transfer_coding: return status::not_implemented;
  case error::body_too_large:
  case error::part_head_too_large:
  case error::too_many_parts:
  case error::bytes_outside_parts: return status::content_too_large;
  case error::unsupported_media_type: return status::unsupported_media_type;
  case error::unsupported_expectation: return status::expectation_failed;
  case error::head_timeout:
  case error::body_timeout:
  case error::body_too_slow: return status::request_timeout;
  case error::bad_status_line:
  case error::bad_reason:
  case error::too_many_interim_responses:
  case error::unexpected_switch:
  case error::unexpected_response_bytes: return status::bad_gateway;
  default: return status::bad_request;
  }
}

/// The same for a code; 500 if it is not of this category.
inline status status_of(const error_code& ec) noexcept {
  return ec.category() == error_category() ? status_of(static_cast<error>(ec.value())) : status::internal_server_error;
}

} // namespace http
} // namespace v0
} // namespace antiphon
