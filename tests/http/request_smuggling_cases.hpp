// SPDX-License-Identifier: BSL-1.0
// Byte sequences that two HTTP implementations have read, or could read, in two ways, and what the strict policy makes
// of each. From RFC 9110 and RFC 9112, and from what is published about vulnerabilities of servers and proxies.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon::testing {

/// One connection's worth of input. `bodies` are those of the requests that are taken, in order; `status` is what the
/// request behind them is refused with. No byte behind a refused request, or behind one that ends the connection, is
/// ever a request.
struct request_case {
  static constexpr int accepted = 0; ///< nothing is refused
  static constexpr int waiting = -1; ///< nothing is refused, but the input ends inside a request

  std::string name;
  std::string input;
  int status;
  std::vector<std::string> bodies;

  friend std::ostream& operator<<(std::ostream& out, const request_case& c) { return out << c.name; }
};

inline std::vector<request_case> request_smuggling_cases() {
  using namespace std::string_literals;
  std::vector<request_case> out;
  constexpr int accepted = request_case::accepted;
  constexpr int waiting = request_case::waiting;

  const auto add = [&out](std::string name, std::string input, int status, std::vector<std::string> bodies = {}) {
    out.push_back({std::move(name), std::move(input), status, std::move(bodies)});
  };
  // What an attacker hopes to have answered.
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string good = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";

  // A whole request line, given without its CRLF.
  const auto line = [&](std::string name, const std::string& text, int status) {
    add(std::move(name), text + "\r\nHost: a\r\n\r\n" + (status > 0 ? smuggled : ""), status,
        status == accepted ? std::vector<std::string>{""} : std::vector<std::string>{});
  };
  // A GET with one more field line, given without its CRLF.
  const auto field = [&](std::string name, const std::string& text, int status) {
    add(std::move(name), "GET / HTTP/1.1\r\nHost: a\r\n" + text + "\r\n\r\n" + (status > 0 ? smuggled : ""), status,
        status == accepted ? std::vector<std::string>{""} : std::vector<std::string>{});
  };
  // A GET whose only fields are these.
  const auto host = [&](std::string name, const std::string& text, int status) {
    add(std::move(name), "GET / HTTP/1.1\r\n" + text + "\r\n\r\n" + (status > 0 ? smuggled : ""), status,
        status == accepted ? std::vector<std::string>{""} : std::vector<std::string>{});
  };
  // A POST whose framing is this, with a body that would be the five bytes "hello" by length.
  const auto length = [&](std::string name, const std::string& text, int status) {
    add(std::move(name), "POST / HTTP/1.1\r\nHost: a\r\n" + text + "\r\n\r\nhello" + (status > 0 ? smuggled : good),
        status, status == accepted ? std::vector<std::string>{"hello", ""} : std::vector<std::string>{});
  };
  // The same with the body in chunks.
  const auto coding = [&](std::string name, const std::string& text, int status) {
    add(std::move(name),
        "POST / HTTP/1.1\r\nHost: a\r\n" + text + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + (status > 0 ? smuggled : good),
        status, status == accepted ? std::vector<std::string>{"hello", ""} : std::vector<std::string>{});
  };
  // A chunked body, all of it.
  const auto chunks = [&](std::string name, const std::string& body, int status, std::string content = "hello") {
    add(std::move(name),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body + (status > 0 ? smuggled : good),
        status, status == accepted ? std::vector<std::string>{std::move(content), ""} : std::vector<std::string>{});
  };

  // --- request line -------------------------------------------------------------------------------------------------
  line("plain", "GET / HTTP/1.1", accepted);
  line("path and query", "GET /a/b;c=d?e=f&g HTTP/1.1", accepted);
  line("empty query", "GET /? HTTP/1.1", accepted);
  line("two slashes", "GET //a HTTP/1.1", accepted);
  line("lone percent in the query", "GET /?100% HTTP/1.1", accepted);
  line("bytes that URIs lack but browsers send", "GET /a|b?{\"x\":[^`]} HTTP/1.1", accepted);
  line("OPTIONS asterisk", "OPTIONS * HTTP/1.1", accepted);
  line("absolute form", "GET http://b.example:81/x?y HTTP/1.1", accepted);
  line("absolute form without a path", "GET http://b.example HTTP/1.1", accepted);
  line("absolute form with only a query", "GET http://b.example?x HTTP/1.1", accepted);
  line("absolute form in capitals", "GET HTTP://B.EXAMPLE/ HTTP/1.1", accepted);
  line("absolute form with an IPv6 address", "GET http://[2001:db8::1]:80/ HTTP/1.1", accepted);
  line("https absolute form", "GET https://b.example/ HTTP/1.1", accepted);
  line("method in lower case", "get / HTTP/1.1", 400);
  line("method in mixed case", "Get / HTTP/1.1", 400);
  line("unknown method", "BREW / HTTP/1.1", 400);
  line("known method with a tail", "GETX / HTTP/1.1", 400);
  line("RTSP method", "DESCRIBE / HTTP/1.1", 400);
  line("preface method", "PRI * HTTP/1.1", 400);
  line("method with a parenthesis", "GE(T / HTTP/1.1", 400);
  line("method with a NUL", "GE\0T / HTTP/1.1"s, 400);
  line("method beyond ASCII", "G\xc3\x8bT / HTTP/1.1", 400);
  line("method of 40 letters", std::string(40, 'A') + " / HTTP/1.1", 400);
  line("method only", "GET", 400);
  line("method and space only", "GET ", 400);
  line("space before the method", " GET / HTTP/1.1", 400);
  line("tab before the method", "\tGET / HTTP/1.1", 400);
  line("no version", "GET /", 400);
  line("no version, and a space", "GET / ", 400);
  line("no target", "GET HTTP/1.1", 400);
  line("empty target", "GET  HTTP/1.1", 400);
  line("two spaces before the target", "GET  / HTTP/1.1", 400);
  line("two spaces before the version", "GET /  HTTP/1.1", 400);
  line("space behind the version", "GET / HTTP/1.1 ", 400);
  line("tab behind the version", "GET / HTTP/1.1\t", 400);
  line("tab before the target", "GET\t/ HTTP/1.1", 400);
  line("tab before the version", "GET /\tHTTP/1.1", 400);
  line("space and tab before the target", "GET \t/ HTTP/1.1", 400);
  line("vertical tab for a space", "GET\x0b/ HTTP/1.1", 400);
  line("form feed for a space", "GET /\x0cHTTP/1.1", 400);
  line("space in the target", "GET /a b HTTP/1.1", 400);
  line("second request in the target", "GET / HTTP/1.1 /x HTTP/1.1", 400);
  line("tab in the target", "GET /a\tb HTTP/1.1", 400);
  line("NUL in the target", "GET /a\0b HTTP/1.1"s, 400);
  line("control byte in the target", "GET /a\x01 HTTP/1.1", 400);
  line("DEL in the target", "GET /a\x7f HTTP/1.1", 400);
  line("raw UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1", 400);
  line("raw UTF-8 in the query", "GET /?\xc3\xa4 HTTP/1.1", 400);
  line("fragment", "GET /a#b HTTP/1.1", 400);
  line("fragment in the query", "GET /a?b#c HTTP/1.1", 400);
  line("malformed escape", "GET /%zz HTTP/1.1", 400);
  line("escape cut short", "GET /a% HTTP/1.1", 400);
  line("escape cut to one digit", "GET /a%2 HTTP/1.1", 400);
  line("target without a slash", "GET a HTTP/1.1", 400);
  line("target is a query", "GET ?a HTTP/1.1", 400);
  line("target is a host", "GET a.example:80 HTTP/1.1", 400);
  line("asterisk with GET", "GET * HTTP/1.1", 400);
  line("asterisk with a tail", "OPTIONS *a HTTP/1.1", 400);
  line("asterisk with a path", "OPTIONS */ HTTP/1.1", 400);
  line("absolute form with user information", "GET http://u@b.example/ HTTP/1.1", 400);
  line("absolute form with a password", "GET http://u:p@b.example/ HTTP/1.1", 400);
  line("absolute form with an empty host", "GET http:///x HTTP/1.1", 400);
  line("absolute form with a port only", "GET http://:80/x HTTP/1.1", 400);
  line("absolute form with a bad port", "GET http://b:8o/ HTTP/1.1", 400);
  line("absolute form with a large port", "GET http://b:65536/ HTTP/1.1", 400);
  line("absolute form with half a bracket", "GET http://[::1/ HTTP/1.1", 400);
  line("absolute form of another scheme", "GET ftp://b.example/ HTTP/1.1", 400);
  line("absolute form with one slash", "GET http:/b.example/ HTTP/1.1", 400);
  line("absolute form with a fragment", "GET http://b.example/#x HTTP/1.1", 400);
  line("absolute form with a backslash", "GET http:\\\\b.example\\ HTTP/1.1", 400);
  line("script for a target", "GET javascript:alert(1) HTTP/1.1", 400);
  line("CONNECT with a path", "CONNECT / HTTP/1.1", 400);
  line("CONNECT without a port", "CONNECT b.example HTTP/1.1", 400);
  line("CONNECT with a URI", "CONNECT http://b.example:80/ HTTP/1.1", 400);
  line("HTTP/1.2", "GET / HTTP/1.2", 400);
  line("HTTP/1.9", "GET / HTTP/1.9", 400);
  line("HTTP/1.10", "GET / HTTP/1.10", 400);
  line("HTTP/1.01", "GET / HTTP/1.01", 400);
  line("HTTP/01.1", "GET / HTTP/01.1", 400);
  line("HTTP/1", "GET / HTTP/1", 400);
  line("HTTP/1.", "GET / HTTP/1.", 400);
  line("HTTP/.1", "GET / HTTP/.1", 400);
  line("HTTP/2", "GET / HTTP/2", 400);
  line("HTTP/1,1", "GET / HTTP/1,1", 400);
  line("HTTP/+1.1", "GET / HTTP/+1.1", 400);
  line("HTTP/-1.1", "GET / HTTP/-1.1", 400);
  line("HTTP/1.1x", "GET / HTTP/1.1x", 400);
  line("HTTP/1.1 and a semicolon", "GET / HTTP/1.1;", 400);
  line("http/1.1", "GET / http/1.1", 400);
  line("Http/1.1", "GET / Http/1.1", 400);
  line("HTTP /1.1", "GET / HTTP /1.1", 400);
  line("HTTPS/1.1", "GET / HTTPS/1.1", 400);
  line("RTSP/1.0", "GET / RTSP/1.0", 400);
  line("ICE/1.0", "SOURCE / ICE/1.0", 400);
  line("XTTP/1.1", "GET / XTTP/1.1", 400);
  line("HTTP/0.9", "GET / HTTP/0.9", 505);
  line("HTTP/2.0", "GET / HTTP/2.0", 505);
  line("HTTP/3.0", "GET / HTTP/3.0", 505);
  line("HTTP/9.9", "GET / HTTP/9.9", 505);
  add("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  add("version left out, fields behind bare LF", "GET /\nHost: a\r\n\r\n" + smuggled, 400);
  add("line ends in bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n" + smuggled, 400);
  add("line ends in bare CR", "GET / HTTP/1.1\rHost: a\r\n\r\n" + smuggled, 400);
  add("line ends in CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n" + smuggled, 400);
  add("line ends in LF CR", "GET / HTTP/1.1\n\rHost: a\r\n\r\n" + smuggled, 400);
  add("line at its limit", "GET /" + std::string(8192 - 14, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", accepted, {""});
  add("line over its limit", "GET /" + std::string(8192 - 13, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled, 414);
  add("line that never ends", "GET /" + std::string(20000, 'a'), 414);
  add("one empty line before the request", "\r\n" + good, accepted, {""});
  add("two empty lines before the request", "\r\n\r\n" + good, 400);
  add("bare LF before the request", "\n" + good, 400);
  add("bare CR before the request", "\r" + good, 400);
  add("CR CR LF before the request", "\r\r\n" + good, 400);
  add("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + smuggled, 400);
  add("SSLv2", "\x80\x2e\x01\x00\x02"s + smuggled, 400);
  add("SOCKS", "\x05\x01\x00"s + smuggled, 400);
  add("SSH", "SSH-2.0-OpenSSH_9.2\r\n" + smuggled, 400);
  add("PROXY protocol", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n" + good, 400);
  add("a response", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + smuggled, 400);
  add("JSON", "{\"a\":1}\r\n" + smuggled, 400);
  add("field where the request line should be", "Host: a\r\n\r\n" + smuggled, 400);

  // --- field lines --------------------------------------------------------------------------------------------------
  field("empty value", "X:", accepted);
  field("value of spaces", "X:   ", accepted);
  field("tabs around a value", "X:\ta\t", accepted);
  field("no space before a value", "X:a", accepted);
  field("colons in a value", "X: a:b::c", accepted);
  field("bytes over 0x7f in a value", "X: \xc3\xa4\x80\xff", accepted);
  field("every token character in a name", "!#$%&'*+-.^_`|~09azAZ: x", accepted);
  field("tab inside a value", "X: a\tb", accepted);
  field("space before the colon", "X : a", 400);
  field("tab before the colon", "X\t: a", 400);
  field("space before the colon of a length", "Content-Length : 5", 400);
  field("space before the colon of a coding", "Transfer-Encoding : chunked", 400);
  field("folded line", "X: a\r\n b", 400);
  field("folded line with a tab", "X: a\r\n\tb", 400);
  field("folded line hides a length", "X: a\r\n Content-Length: 5", 400);
  field("folded line gives a coding", "Transfer-Encoding:\r\n chunked", 400);
  field("folded line is empty", "X: a\r\n ", 400);
  field("no colon", "X", 400);
  field("no colon but a value", "X a", 400);
  field("empty name", ": a", 400);
  field("colon only", ":", 400);
  field("two colons first", ":: a", 400);
  field("space in a name", "X Y: a", 400);
  field("parenthesis in a name", "X(Y): a", 400);
  field("quote in a name", "\"X\": a", 400);
  field("slash in a name", "X/Y: a", 400);
  field("bracket in a name", "X[0]: a", 400);
  field("at sign in a name", "X@Y: a", 400);
  field("equals sign for a colon", "X=a", 400);
  field("bytes over 0x7f in a name", "X\xc3\xa4: a", 400);
  field("no-break space before the colon", "Content-Length\xc2\xa0: 5", 400);
  field("control byte in a name", "X\x01: a", 400);
  field("NUL in a name", "X\0Y: a"s, 400);
  field("DEL in a name", "X\x7f: a", 400);
  field("NUL in a value", "X: a\0b"s, 400);
  field("NUL behind a length", "Content-Length: 5\0"s, 400);
  field("control byte in a value", "X: a\x01", 400);
  field("vertical tab in a value", "X: a\x0b", 400);
  field("form feed in a value", "X: \x0c", 400);
  field("escape byte in a value", "X: \x1b[31m", 400);
  field("DEL in a value", "X: a\x7f", 400);
  field("bare CR in a value", "X: a\rY: b", 400);
  field("bare CR at the end of a value", "X: a\r", 400);
  field("bare CR before a length", "X: a\rContent-Length: 5", 400);
  field("bare LF in a value", "X: a\nContent-Length: 5", 400);
  field("bare LF before a CRLF", "X: a\n", 400);
  host("space before the first field", " Host: a", 400);
  host("tab before the first field", "\tHost: a", 400);
  host("space before the first field, and a good one", " X: y\r\nHost: a", 400);
  add("head ends in LF LF", "GET / HTTP/1.1\r\nHost: a\n\n" + smuggled, 400);
  add("head ends in CRLF LF", "GET / HTTP/1.1\r\nHost: a\r\n\n" + smuggled, 400);
  add("head ends in CRLF CR X", "GET / HTTP/1.1\r\nHost: a\r\n\rX" + smuggled, 400);
  add("head ends in CRLF CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n" + smuggled, 400);
  add("lengths behind CRLF CR", "POST / HTTP/1.1\r\nHost: a\r\n\rContent-Length: 5\r\n\r\nhello" + smuggled, 400);
  const auto many = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (i ? "\r\nX: y" : "X: y");
    return text;
  };
  field("fields at their limit", many(99), accepted);
  field("one field too many", many(100), 431);
  field("10,000 fields", many(10000), 431);
  field("field at its limit", "X: " + std::string(8192 - 3, 'a'), accepted);
  field("field over its limit", "X: " + std::string(8192 - 2, 'a'), 431);
  field("field without an end", "X: " + std::string(100000, 'a'), 431);
  field("name without an end", std::string(100000, 'X') + ": a", 431);
  const std::string eight_kib = "X: " + std::string(8192 - 5, 'a'); // with CRLF
  field("head over its limit", eight_kib + "\r\n" + eight_kib + "\r\n" + eight_kib + "\r\n" + eight_kib, 431);

  // --- Host ---------------------------------------------------------------------------------------------------------
  host("host with a port", "Host: a:8080", accepted);
  host("host in odd case", "hOsT: a", accepted);
  host("IPv4 host", "Host: 192.0.2.1", accepted);
  host("IPv6 host", "Host: [::1]", accepted);
  host("IPv6 host with a port", "Host: [2001:db8::1]:443", accepted);
  host("host behind tabs", "Host:\ta\t", accepted);
  host("no host", "X: y", 400);
  add("no field at all", "GET / HTTP/1.1\r\n\r\n" + smuggled, 400);
  host("host twice", "Host: a\r\nHost: b", 400);
  host("the same host twice", "Host: a\r\nhost: a", 400);
  host("host twice, once empty", "Host:\r\nHost: a", 400);
  host("empty host", "Host:", 400);
  host("host with a space", "Host: a b", 400);
  host("list of hosts", "Host: a, b", 400);
  host("host with a path", "Host: a/b", 400);
  host("host with a query", "Host: a?b", 400);
  host("host with a fragment", "Host: a#b", 400);
  host("host with user information", "Host: u@a", 400);
  host("host with a scheme", "Host: http://a", 400);
  host("host with a word for a port", "Host: a:http", 400);
  host("host with a negative port", "Host: a:-1", 400);
  host("host with a large port", "Host: a:65536", 400);
  host("host with two ports", "Host: a:80:80", 400);
  host("port without a host", "Host: :80", 400);
  host("half a bracket", "Host: [::1", 400);
  host("bracket with a name", "Host: [a.example]", 400);
  host("bracket with a tail", "Host: [::1]a", 400);
  host("host with a backslash", "Host: a\\b", 400);
  host("host with a quote", "Host: \"a\"", 400);
  host("host beyond ASCII", "Host: \xc3\xa4.example", 400);
  host("host with a tab inside", "Host: a\tb", 400);
  host("host with a malformed escape", "Host: a%2", 400);
  add("absolute form without Host", "GET http://a/ HTTP/1.1\r\n\r\n" + smuggled, 400);
  add("absolute form with two Hosts", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + smuggled, 400);
  add("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", accepted, {""});
  add("HTTP/1.0 with two Hosts", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n" + smuggled, 400);
  add("HTTP/1.0 with a bad Host", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n" + smuggled, 400);

  // --- Content-Length -----------------------------------------------------------------------------------------------
  length("length", "Content-Length: 5", accepted);
  length("length in odd case", "cOnTeNt-LeNgTh: 5", accepted);
  length("length with zeros in front", "Content-Length: 00005", accepted);
  length("length between tabs", "Content-Length:\t5\t", accepted);
  length("length between spaces", "Content-Length:   5  ", accepted);
  length("length with a plus", "Content-Length: +5", 400);
  length("length with a minus", "Content-Length: -5", 400);
  length("length minus nothing", "Content-Length: -0", 400);
  length("hexadecimal length", "Content-Length: 0x5", 400);
  length("length with a point", "Content-Length: 5.0", 400);
  length("length with an exponent", "Content-Length: 5e0", 400);
  length("length with an underscore", "Content-Length: 0_5", 400);
  length("length with a space inside", "Content-Length: 0 5", 400);
  length("length with a tail", "Content-Length: 5;", 400);
  length("length with letters", "Content-Length: 5a", 400);
  length("length in quotes", "Content-Length: \"5\"", 400);
  length("length in other digits", "Content-Length: \xd9\xa5", 400);
  length("empty length", "Content-Length:", 400);
  length("length of spaces", "Content-Length:  ", 400);
  length("list of one length", "Content-Length: 5, 5", 400);
  length("list of two lengths", "Content-Length: 5, 6", 400);
  length("list with nothing", "Content-Length: 5,", 400);
  length("length twice", "Content-Length: 5\r\nContent-Length: 5", 400);
  length("two lengths", "Content-Length: 5\r\nContent-Length: 6", 400);
  length("two lengths in two cases", "Content-Length: 0\r\ncontent-length: 5", 400);
  length("two lengths, one empty", "Content-Length: 5\r\nContent-Length:", 400);
  length("length of 2^64", "Content-Length: 18446744073709551616", 400);
  length("length of 2^64 + 5", "Content-Length: 18446744073709551621", 400);
  length("length of 30 digits", "Content-Length: 999999999999999999999999999999", 400);
  length("length of 2^64 - 1", "Content-Length: 18446744073709551615", 413);
  length("length of 2^63", "Content-Length: 9223372036854775808", 413);
  length("length over the limit of bodies", "Content-Length: 1048577", 413);
  add("length of nothing", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + good, accepted, {"", ""});
  add("GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + good, accepted, {"hello", ""});
  add("request inside a body",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" + smuggled + good,
      accepted, {smuggled, ""});
  add("length with an underscore for a hyphen",
      "GET / HTTP/1.1\r\nHost: a\r\nContent_Length: " + std::to_string(good.size()) + "\r\n\r\n" + good, accepted,
      {"", ""});
  add("length named by Connection",
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\nhello" + good, accepted,
      {"hello", ""});
  add("host named by Connection", "GET / HTTP/1.1\r\nConnection: host\r\nHost: a\r\n\r\n" + good, accepted, {"", ""});

  // --- Transfer-Encoding --------------------------------------------------------------------------------------------
  coding("chunked", "Transfer-Encoding: chunked", accepted);
  coding("chunked in capitals", "TRANSFER-ENCODING: CHUNKED", accepted);
  coding("chunked between tabs", "Transfer-Encoding:\tchunked\t", accepted);
  coding("chunked, and TE", "TE: trailers\r\nTransfer-Encoding: chunked", accepted);
  coding("length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked", 400);
  coding("chunked and length", "Transfer-Encoding: chunked\r\nContent-Length: 5", 400);
  coding("chunked and a length of nothing", "Transfer-Encoding: chunked\r\nContent-Length: 0", 400);
  coding("length and an unknown coding", "Content-Length: 5\r\nTransfer-Encoding: \x0b", 400);
  coding("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400);
  coding("list of chunked twice", "Transfer-Encoding: chunked, chunked", 400);
  coding("chunked, then identity", "Transfer-Encoding: chunked, identity", 400);
  coding("chunked, then an unknown coding", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", 400);
  coding("chunked, then gzip", "Transfer-Encoding: chunked, gzip", 400);
  coding("identity", "Transfer-Encoding: identity", 501);
  coding("identity, then chunked", "Transfer-Encoding: identity, chunked", 501);
  coding("gzip", "Transfer-Encoding: gzip", 501);
  coding("gzip, then chunked", "Transfer-Encoding: gzip, chunked", 501);
  coding("unknown coding", "Transfer-Encoding: cow", 501);
  coding("chunked with an x in front", "Transfer-Encoding: xchunked", 501);
  coding("chunked with an x behind", "Transfer-Encoding: chunkedx", 501);
  coding("chunked with a hyphen", "Transfer-Encoding: chunked-", 501);
  coding("empty coding", "Transfer-Encoding:", 400);
  coding("coding of spaces", "Transfer-Encoding:   ", 400);
  coding("comma, then chunked", "Transfer-Encoding: ,chunked", 400);
  coding("chunked, then a comma", "Transfer-Encoding: chunked,", 400);
  coding("comma only", "Transfer-Encoding: ,", 400);
  coding("chunked with a parameter", "Transfer-Encoding: chunked;q=1", 400);
  coding("chunked with a semicolon", "Transfer-Encoding: chunked;", 400);
  coding("chunked in quotes", "Transfer-Encoding: \"chunked\"", 400);
  coding("chunked in single quotes", "Transfer-Encoding: 'chunked'", 501);
  coding("chunked with a space inside", "Transfer-Encoding: chun ked", 400);
  coding("chunked with a colon in front", "Transfer-Encoding: : chunked", 400);
  coding("chunked behind a vertical tab",
         "Transfer-Encoding: \x0b"
         "chunked",
         400);
  coding("chunked behind a no-break space",
         "Transfer-Encoding: \xa0"
         "chunked",
         400);
  coding("chunked behind a NUL", "Transfer-Encoding: \0chunked"s, 400);
  coding("chunked with a NUL behind", "Transfer-Encoding: chunked\0"s, 400);
  coding("chunked behind a fold", "Transfer-Encoding: \r\n\tchunked", 400);
  coding("chunked behind a bare CR", "X: y\rTransfer-Encoding: chunked", 400);
  coding("chunked with a long s", "Transfer-Encoding: chunke\xc5\xbf", 400);
  add("chunked in HTTP/1.0",
      "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
      400);
  add("coding with an underscore for a hyphen",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, 400, {""});

  // --- chunks -------------------------------------------------------------------------------------------------------
  chunks("two chunks", "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", accepted);
  chunks("no chunk", "0\r\n\r\n", accepted, "");
  chunks("several zeros", "5\r\nhello\r\n000\r\n\r\n", accepted);
  chunks("zeros in front", "0005\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("size in lower case", "a\r\nhellohello\r\n0\r\n\r\n", accepted, "hellohello");
  chunks("size in upper case", "A\r\nhellohello\r\n0\r\n\r\n", accepted, "hellohello");
  chunks("CRLF in the content", "7\r\nhe\r\nllo\r\n0\r\n\r\n", accepted, "he\r\nllo");
  chunks("extension", "5;a=b\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("extension without a value", "5;a\r\nhello\r\n0;b\r\n\r\n", accepted);
  chunks("two extensions", "5;a=b;c\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("quoted extension", "5;a=\"b c;d=e\"\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("quoted extension with escapes", "5;a=\"b\\\"c\\\\\";d\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("white space around an extension", "5 ;\ta = b ; c\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("extension at its limit", "5;" + std::string(255, 'a') + "\r\nhello\r\n0\r\n\r\n", accepted);
  chunks("trailer", "5\r\nhello\r\n0\r\nX: y\r\n\r\n", accepted);
  chunks("length in a trailer", "5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n", accepted);
  chunks("coding in a trailer", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", accepted);
  chunks("host in a trailer", "5\r\nhello\r\n0\r\nHost: evil\r\n\r\n", accepted);
  chunks("size with a space behind", "5 \r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with a tab behind", "5\t\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with a space in front", " 5\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with a plus", "+5\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with a minus", "-5\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with 0x", "0x5\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with an h", "5h\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size that is no number", "g\r\nhello\r\n0\r\n\r\n", 400);
  chunks("empty size", "\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension without a size", ";a=b\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with a comma", "5,5\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with a NUL", "5\0\r\nhello\r\n0\r\n\r\n"s, 400);
  chunks("size of 17 digits", "10000000000000005\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size with 17 zeros in front", "000000000000000005\r\nhello\r\n0\r\n\r\n", 400);
  chunks("size of 2^64 - 1", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 413);
  chunks("size of 2^63", "8000000000000000\r\nhello\r\n0\r\n\r\n", 413);
  chunks("size over the limit of bodies", "100001\r\nhello\r\n0\r\n\r\n", 413);
  chunks("size that wraps the sum", "5\r\nhello\r\nfffffffffffffffb\r\nhello\r\n0\r\n\r\n", 413);
  chunks("size ends in LF", "5\nhello\r\n0\r\n\r\n", 400);
  chunks("size ends in CR", "5\rhello\r\n0\r\n\r\n", 400);
  chunks("size ends in CR X", "5\rX\nhello\r\n0\r\n\r\n", 400);
  chunks("content ends in LF", "5\r\nhello\n0\r\n\r\n", 400);
  chunks("content ends in CR", "5\r\nhello\r0\r\n\r\n", 400);
  chunks("content ends in nothing", "5\r\nhello0\r\n\r\n", 400);
  chunks("content ends in two other bytes", "5\r\nhelloXY0\r\n\r\n", 400);
  chunks("content longer than its size", "5\r\nhello!\r\n0\r\n\r\n", 400);
  chunks("content shorter than its size", "6\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension ends in LF", "5;a\nhello\r\n0\r\n\r\n", 400);
  chunks("extension ends in CR", "5;a\rhello\r\n0\r\n\r\n", 400);
  chunks("request in an extension", "5;\nGET /smuggled HTTP/1.1\nHost: a\r\nhello\r\n0\r\n\r\n", 400);
  chunks("empty extension", "5;\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension without a name", "5;=b\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension with an empty value", "5;a=\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension of two words", "5;a b\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension with a space behind", "5;a \r\nhello\r\n0\r\n\r\n", 400);
  chunks("quoted extension without an end", "5;a=\"b\r\nhello\r\n0\r\n\r\n", 400);
  chunks("quoted extension with a CRLF", "5;a=\"b\r\n0\r\n\r\n\"\r\nhello\r\n0\r\n\r\n", 400);
  chunks("quoted extension with an escaped CR", "5;a=\"b\\\r\n\"\r\nhello\r\n0\r\n\r\n", 400);
  chunks("quoted extension with a tail", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension with a NUL", "5;a\0\r\nhello\r\n0\r\n\r\n"s, 400);
  chunks("extension with a control byte", "5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n", 400);
  chunks("extension over its limit", "5;" + std::string(256, 'a') + "\r\nhello\r\n0\r\n\r\n", 400);
  std::string extended;
  for (int i = 0; i < 65; ++i) extended += "1;" + std::string(255, 'a') + "\r\nx\r\n";
  chunks("extensions over their limit", extended + "0\r\n\r\n", 400);
  std::string padded;
  for (int i = 0; i < 10000; ++i) padded += "0000000000000001\r\nx\r\n";
  chunks("more framing than content", padded + "0\r\n\r\n", 400);
  chunks("no empty line behind the last chunk", "5\r\nhello\r\n0\r\n", 400);
  chunks("last chunk ends in LF", "5\r\nhello\r\n0\n\r\n", 400);
  chunks("last chunk ends in CRLF LF", "5\r\nhello\r\n0\r\n\n", 400);
  chunks("last chunk ends in CRLF CR X", "5\r\nhello\r\n0\r\n\rX", 400);
  chunks("last chunk ends in two other bytes", "5\r\nhello\r\n0\r\nXY", 400);
  chunks("trailer without a colon", "5\r\nhello\r\n0\r\nX\r\n\r\n", 400);
  chunks("trailer with a space before the colon", "5\r\nhello\r\n0\r\nX : y\r\n\r\n", 400);
  chunks("trailer without a name", "5\r\nhello\r\n0\r\n: y\r\n\r\n", 400);
  chunks("trailer with a space in front", "5\r\nhello\r\n0\r\n X: y\r\n\r\n", 400);
  chunks("folded trailer", "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n", 400);
  chunks("trailer ends in LF", "5\r\nhello\r\n0\r\nX: y\n\r\n", 400);
  chunks("trailer with a bare CR", "5\r\nhello\r\n0\r\nX: y\rz\r\n\r\n", 400);
  chunks("trailer with a NUL", "5\r\nhello\r\n0\r\nX: \0\r\n\r\n"s, 400);
  chunks("too many trailers", "5\r\nhello\r\n0\r\n" + many(99) + "\r\n\r\n", 431);
  chunks("trailer over its limit", "5\r\nhello\r\n0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", 431);
  chunks("trailers over the limit of heads",
         "5\r\nhello\r\n0\r\n" + eight_kib + "\r\n" + eight_kib + "\r\n" + eight_kib + "\r\n" + eight_kib + "\r\n\r\n",
         431);

  // --- one after another --------------------------------------------------------------------------------------------
  add("three requests", good + good + good, accepted, {"", "", ""});
  add("empty line between requests", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n" + good,
      accepted, {"hello", ""});
  add("two empty lines between requests", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n" + good,
      400, {"hello"});
  add("good, good, bad", good + good + "GET / HTTP/1.1\r\n\r\n" + smuggled, 400, {"", ""});
  add("good, then an unknown coding", good + "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n" + smuggled,
      501, {""});
  add("good, then a body that is refused",
      good + "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX" + smuggled, 400, {""});
  add("length too short", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nhello" + good, 400, {"hell"});
  add("close, then another", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + smuggled, accepted, {""});
  add("close in a list", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close ,y\r\n\r\n" + smuggled, accepted, {""});
  add("close in a second field", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n" + smuggled,
      accepted, {""});
  add("close and keep-alive", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n" + smuggled, accepted,
      {""});
  add("a word that contains close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n" + good, accepted,
      {"", ""});
  add("HTTP/1.0, then another", "GET / HTTP/1.0\r\n\r\n" + smuggled, accepted, {""});
  add("HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + good, accepted, {"", ""});
  add("HTTP/1.0 kept alive and closed", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + smuggled, accepted,
      {""});
  add("offered upgrade, then another",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: nothing/1\r\n\r\n" + good, accepted, {"", ""});
  add("offered upgrade with a body",
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello" + good,
      accepted, {"hello", ""});
  add("body cut short", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello", waiting);
  add("chunk cut short", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello", waiting);
  add("no last chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", waiting);
  add("head cut short", good + "GET / HTTP/1.1\r\nHost: a\r\n", waiting, {""});
  add("request line cut short", good + "GET / HT", waiting, {""});
  return out;
}

} // namespace antiphon::testing
