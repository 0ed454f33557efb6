// SPDX-License-Identifier: BSL-1.0
// One page of the answers of two services, asked at the same time, each with its own deadline: a slow one is left out.
// The services are here too, so that it runs alone. Traces go on: what comes as traceparent goes to both.
//
//   $ curl -s localhost:8080/orders/7
//   > ^\{"order":\{"id":"7","total":12\},"reviews":\["good"\]\}$
//   $ curl -s localhost:8080/orders/slow
//   > ^\{"order":\{"id":"slow","total":12\},"reviews":null\}$
//   $ curl -s -i localhost:8080/orders/missing
//   > ^HTTP/1.1 404 Not Found
//   $ curl -s -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' localhost:8080/orders/trace
//   > "trace":"00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01"
//   $ curl -s localhost:8080/metrics
//   > http_client_calls_total\{origin="http://127.0.0.1:[0-9]+",outcome="2xx"\} \d+
#include <antiphon/client.hpp>
#include <antiphon/client/layers/metrics.hpp>
#include <antiphon/client/layers/tracing.hpp>
#include <antiphon/server.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace ap = antiphon;
using namespace std::chrono_literals;

/// Begins a call; what is returned is awaited later.
struct pending {
  ap::notifier done;
  bool over = false;
  ap::error_code ec;
  ap::client_response res;
};
std::shared_ptr<pending> begin(const ap::client& client, const std::string& url, const ap::request& from) {
  auto to = std::make_shared<pending>();
  ap::client_request req(ap::method::get, url);
  if (const auto trace = from.header("traceparent"); !trace.empty()) req.header("traceparent", trace);
  client.async_send(std::move(req).total(500ms), [to](ap::error_code ec, ap::client_response res) {
    to->over = true, to->ec = ec, to->res = std::move(res);
    to->done.notify_all();
  });
  return to;
}

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  asio::io_context io;
  ap::client_metrics metrics;
  ap::client client(io);
  client.use(metrics).use(ap::client_tracing());
  const std::string services = "http://127.0.0.1:" + std::to_string(port);

  ap::router app;
  app.get("/orders/{id}", [=](ap::request& req) -> asio::awaitable<ap::response> {
    const std::string id = ap::http::percent_encode(req.param("id"));
    const auto order = begin(client, services + "/services/orders/" + id, req);
    const auto reviews = begin(client, services + "/services/reviews/" + id, req);
    for (const auto& call : {order, reviews})
      while (!call->over) co_await call->done.async_wait(asio::use_awaitable);
    if (order->ec) co_return ap::status::bad_gateway;
    if (order->res.status() != ap::status::ok) co_return order->res.status();
    const bool has_reviews = !reviews->ec && reviews->res.status() == ap::status::ok;
    const std::string extra = has_reviews ? reviews->res.body() : "null";
    co_return ap::json("{\"order\":" + order->res.body() + ",\"reviews\":" + extra + "}");
  });
  app.get("/metrics", [=] { return metrics.text(); });
  app.get("/services/orders/{id}", [](ap::request& req) -> ap::response {
    const std::string id(req.param("id"));
    if (id == "missing") return ap::status::not_found;
    if (id == "trace") return R"({"trace":")" + std::string(req.header("traceparent")) + R"("})";
    return R"({"id":")" + ap::http::percent_encode(id) + R"(","total":12})";
  });
  app.get("/services/reviews/{id}", [](ap::request& req) -> asio::awaitable<ap::response> {
    if (req.param("id") == "slow") co_await ap::sleep_for(1h);
    co_return R"(["good"])";
  });
  return ap::run(io, app, {.port = port});
}
