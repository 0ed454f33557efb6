// SPDX-License-Identifier: BSL-1.0
// Servers of Node's for a client to meet, good ones and bad ones. Prints their ports, and lives as long as its input.
import http from "node:http";

const body = (req) => new Promise((resolve, reject) => {
  const parts = [];
  req.on("data", (part) => parts.push(part)).on("end", () => resolve(Buffer.concat(parts))).on("error", reject);
});

const routes = {
  chunked(req, res) {
    if (req.method === "HEAD") return res.end(); // Node has no Trailer in the answer to a HEAD
    res.setHeader("Trailer", "X-Sum");
    for (let i = 0; i < 100; ++i) res.write(`piece ${i}\n`);
    res.addTrailers({"X-Sum": "a hundred", "X-Note": "two"});
    res.end();
  },
  n: (req, res, id) => res.end(`number ${id}`),
  sized: (req, res, size) => res.end("s".repeat(Number(size))),
  method: (req, res) => res.setHeader("X-Method", req.method).end(req.method === "HEAD" ? undefined : req.method),
  hints(req, res) {
    res.writeProcessing();
    res.writeEarlyHints({link: ["</a.css>; rel=preload", "</b.css>; rel=preload"]}, () => res.end("hinted"));
  },
  processing(req, res, count) {
    for (let i = 0; i < Number(count); ++i) res.writeProcessing();
    res.end("processed");
  },
  async size(req, res) {
    const all = await body(req);
    res.end(JSON.stringify({size: all.length, trailers: req.rawTrailers, fields: req.headers}));
  },
  echo: (req, res) => req.pipe(res),
  refuse: (req, res) => res.writeHead(403).end("no"),                    // the body is not read
  elsewhere: (req, res) => res.writeHead(303, {Location: "/n/7"}).end(), // likewise
  cookies: (req, res, count) => res.setHeader("Set-Cookie", Array(Number(count)).fill("a=b")).end(),
  head: (req, res, size) => res.setHeader("X-Long", "x".repeat(Number(size))).end("long"),
  nothing: (req, res, code) => res.writeHead(Number(code)).end(),
  // Those that go in the middle.
  gone: (req) => req.socket.destroy(),
  reset: (req) => req.socket.resetAndDestroy(),
  half_a_head: (req) => req.socket.end("HTTP/1.1 200 OK\r\nContent-Le"),
  half_length(req, res) {
    res.setHeader("Content-Length", 1000);
    res.write("x".repeat(400), () => res.destroy());
  },
  half_chunked: (req, res) => res.write("x".repeat(400), () => res.destroy()),
  last_chunk_missing: (req) =>
      req.socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n"),
  until_close: (req) => req.socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"),
  until_reset: (req) => req.socket.write("HTTP/1.1 200 OK\r\n\r\nhalf of it", () => req.socket.resetAndDestroy()),
  half_coroutine(req, res) { // while the request is coming
    req.once("data", () => req.socket.resetAndDestroy());
  },
  // Those whose length is not true.
  too_short: (req, res) => res.writeHead(200, {"Content-Length": 10}).end("short"),
  too_short_and_close: (req, res) => res.writeHead(200, {"Content-Length": 10, Connection: "close"}).end("short"),
  too_long: (req, res) => res.writeHead(200, {"Content-Length": 5}).end("right and wrong"),
  two_answers: (req) => req.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrightHTTP/1.1 200 OK\r\n" +
                                         "Content-Length: 5\r\n\r\nwrong"),
  speaks_again(req, res) {
    const {socket} = req;
    res.on("close", () => setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"), 50));
    res.end("right");
  },
  two_lengths: (req, res) => req.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nwhich"),
  both_framings: (req) => req.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                         "0\r\n\r\n"),
  switches: (req) => req.socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
};

const answer = (req, res) => {
  const [, name, argument] = req.url.split("/");
  const route = routes[name];
  route ? route(req, res, argument) : res.writeHead(404).end("not here");
};

function serve(settings, more = {}) {
  const server = Object.assign(http.createServer(settings, answer), more);
  server.on("clientError", (_, socket) => socket.destroyed || socket.destroy());
  server.on("checkContinue", (req, res) => {
    if (req.url === "/unexpected") return res.writeHead(417).end("I expect nothing");
    res.writeContinue();
    answer(req, res);
  });
  server.on("upgrade", (req, socket, head) => {
    socket.on("error", () => {});
    if (req.headers.upgrade !== "echo")
      return socket.end("HTTP/1.1 426 Upgrade Required\r\nUpgrade: echo\r\nContent-Length: 2\r\n\r\nno");
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ");
    socket.write(head);
    let left = Number(req.headers["x-bytes"]) - head.length;
    socket.on("data", (part) => {
      socket.write(part);
      left -= part.length;
      if (left <= 0) socket.end();
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

const ports = {
  good: await serve({keepAliveTimeout: 60_000}),
  few: await serve({keepAliveTimeout: 60_000}, {maxRequestsPerSocket: 5}),
  impatient: await serve({keepAliveTimeout: 1}),
};
console.log(JSON.stringify({version: process.version, ...ports}));
process.stdin.resume().on("end", () => process.exit(0));
