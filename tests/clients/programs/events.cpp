// SPDX-License-Identifier: BSL-1.0
// Reads a URL until it ends, and prints what comes, a line of JSON each: for servers that are not of this project.
//     events URL [--by sse|poll|live] [--last ID] [--line BYTES] [--event BYTES] [--attempts N] [--idle MS]
//                [--wait MS] [--post BODY TYPE] [--token TEXT] [--until DATA] [--most N]
// `--wait`: the cap of the waits between attempts. `--token`: a Bearer token that tells the number of the attempt.
// `--until`: the data that ends it, `--most`: so many deliveries. SIGTERM closes what is read.
#include <antiphon/client.hpp>
#include <antiphon/http/json_escape.hpp>
#include <antiphon/live.hpp>
#include <antiphon/polling.hpp>
#include <antiphon/sse/event_source.hpp>

#include <asio/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ap = antiphon;

struct options {
  std::string url, by = "sse", last, body, type, token;
  std::optional<std::string> until;
  ap::duration idle = std::chrono::seconds(45), wait = std::chrono::milliseconds(50);
  std::size_t line = std::size_t{1} << 20, event = std::size_t{4} << 20;
  unsigned attempts = 0;
  int most = 0;
};

options parse(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const auto value = [&] { return std::string(++i < argc ? argv[i] : ""); };
    const auto number = [&] { return std::strtoul(value().c_str(), nullptr, 10); };
    if (name == "--by") {
      o.by = value();
    } else if (name == "--last") {
      o.last = value();
    } else if (name == "--line") {
      o.line = number();
    } else if (name == "--event") {
      o.event = number();
    } else if (name == "--attempts") {
      o.attempts = static_cast<unsigned>(number());
    } else if (name == "--idle") {
      o.idle = std::chrono::milliseconds(number());
    } else if (name == "--wait") {
      o.wait = std::chrono::milliseconds(number());
    } else if (name == "--post") {
      o.body = value();
      o.type = value();
    } else if (name == "--token") {
      o.token = value();
    } else if (name == "--until") {
      o.until = value();
    } else if (name == "--most") {
      o.most = static_cast<int>(number());
    } else {
      o.url = name;
    }
  }
  return o;
}

void print(std::initializer_list<std::pair<std::string_view, std::string>> members) {
  std::string out = "{";
  for (const auto& [name, text] : members)
    out += (out.size() > 1 ? ", \"" : "\"") + std::string(name) + "\": " + ap::http::json_quote(text);
  out += "}\n";
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

// Prints what is received, and its data.
std::string show(const ap::sse::event_source&, const ap::sse::event& e) {
  print({{"event", e.type}, {"id", e.id.value_or("")}, {"data", e.data}});
  return e.data;
}
template <class Source>
std::string show(const Source& source, const ap::delivery<ap::polling::item>& d) {
  const auto at = source.at() ? to_string(*source.at()) : std::string();
  std::string data;
  d.visit(
      [&](const ap::message<ap::polling::item>& m) {
        data = m->data;
        print({{"event", m->event.empty() ? "message" : m->event}, {"id", at}, {"data", data}});
      },
      [&](const ap::gap&) {
        print({{"gap", at}});
      },
      [&](ap::other_log) {
        print({{"other_log", at}});
      });
  return data;
}

std::string status_of(const ap::sse::event_source& s) { return std::to_string(ap::http::code(s.status())); }
std::string status_of(const ap::polling::feed& s) { return std::to_string(ap::http::code(s.status())); }
std::string status_of(const ap::live::reader&) { return {}; }

template <class Source>
asio::awaitable<void> read(Source source, const options& o) {
  source.before_attempt([&o, n = 0](ap::client_request& req) mutable {
    if (!o.token.empty()) req.header("Authorization", "Bearer " + o.token + std::to_string(n));
    print({{"attempt", std::to_string(n++)}, {"last", std::string(req.header("Last-Event-ID"))}});
  });
  asio::signal_set told(source.get_executor(), SIGTERM);
  told.async_wait([source](ap::error_code ec, int) {
    if (!ec) source.close();
  });
  try {
    for (int n = 0; o.most == 0 || n < o.most; ++n) {
      const auto value = co_await source.async_receive(asio::use_awaitable);
      if (show(source, value) == o.until) break;
    }
    print({{"end", "done"}});
  } catch (const ap::system_error& e) {
    print({{"end", e.code().message()}, {"category", e.code().category().name()}, {"status", status_of(source)}});
  }
  source.close();
}

int main(int argc, char** argv) {
  const auto o = parse(argc, argv);
  asio::io_context io;
  const ap::client client(io);
  const auto ended = [&](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
    client.close_idle();
  };
  ap::client_request req(o.body.empty() ? ap::method::get : ap::method::post, o.url);
  if (!o.body.empty()) req.body(o.body, o.type);
  if (o.by == "poll") {
    ap::polling::feed_options how;
    how.first_wait = how.most_wait = how.pace = o.wait;
    how.attempts = o.attempts;
    asio::co_spawn(io, read(ap::polling::feed(client, req, how), o), ended);
  } else if (o.by == "live") {
    ap::live::reader_options how;
    how.stream = o.url;
    how.first_wait = how.most_wait = o.wait;
    asio::co_spawn(io, read(ap::live::reader(client, how), o), ended);
  } else {
    ap::sse::event_source_options how;
    how.last_id = o.last;
    how.first_wait = how.most_wait = o.wait;
    how.read_idle = o.idle;
    how.line = o.line;
    how.event = o.event;
    how.attempts = o.attempts;
    asio::co_spawn(io, read(ap::sse::event_source(client, req, how), o), ended);
  }
  io.run();
}
