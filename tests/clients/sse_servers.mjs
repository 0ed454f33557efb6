// SPDX-License-Identifier: BSL-1.0
// A server of server-sent events by one of npm's packages: sse_servers.mjs PACKAGE PORT JOURNAL [PING]. It is told what
// to do by lines of JSON, prints a line for each stream that it opens, and keeps its history in the file JOURNAL, from
// one life to the next. PING: milliseconds between keep-alive comments, where the package has them.
import fs from "node:fs";
import http from "node:http";
import readline from "node:readline";

const [name, port, journal, ping = "60000"] = process.argv.slice(2);
const [retry, pause] = [100, Number(ping)]; // milliseconds
const say = what => console.log(JSON.stringify(what));
const kept = fs.existsSync(journal) ? fs.readFileSync(journal, "utf8").split("\n") : [];
const history = kept.filter(Boolean).map(line => JSON.parse(line));
const behind = id => id ? history.slice(history.findLastIndex(m => m.id === id) + 1) : [];
async function replay(id, send) { // until nothing is left, also of what is published meanwhile
  for (let more; (more = behind(id)).length !== 0;) for (const m of more) await send(m), id = m.id;
}
const opened = fields => say({open: Buffer.from(fields["last-event-id"] ?? "", "latin1").toString(),
                              authorization: fields.authorization ?? "", accept: fields.accept ?? ""});
const sleep = ms => new Promise(done => setTimeout(done, ms));
const words = ["Hello", " ", "wörld", "!\n", "🎵"];
const redirects = [301, 302, 303, 307, 308];
const secret = "Bearer right2";

// What is no stream, for those packages that leave it to Node. True: it was answered.
function answered(req, res) {
  const path = req.url.split("?")[0];
  const end = (code, fields = {}, text = "") => (res.writeHead(code, fields), res.end(text), true);
  if (path.startsWith("/moved")) return end(Number(path.slice(6)), {Location: "/stream"}, "it is somewhere else");
  if (path === "/away") return end(307, {Location: decodeURIComponent(req.url.split("?")[1])});
  if (path === "/circle") return end(302, {Location: "/circle"});
  if (path === "/none") return end(204);
  if (path === "/page") return end(200, {"Content-Type": "text/html; charset=utf-8"}, "<p>data: no event\n\n");
  if (path === "/secret" && req.headers.authorization !== secret) return end(401);
  return path === "/stream" || path === "/secret" ? false : end(404);
}

const packages = {
  "better-sse": async () => {
    const {createChannel, createEventBuffer, createSession} = await import("better-sse");
    const channel = createChannel();
    const buffer = m => { // a text with line ends is one field to the package, and it writes no space before a value
      const one = createEventBuffer({serializer: String});
      if (m.event) one.event(m.event);
      if (m.id !== undefined) one.id(m.id);
      if (m.retry) one.retry(m.retry);
      for (const line of m.data.split("\n")) one.data(` ${line}`);
      return one.dispatch();
    };
    return {
      server: http.createServer(async (req, res) => {
        if (answered(req, res)) return;
        const last = Buffer.from(req.headers["last-event-id"] ?? "", "latin1").toString();
        const session = await createSession(req, res, {retry, keepAlive: pause});
        for (const m of behind(last)) session.batch(buffer(m));
        channel.register(session);
        opened(req.headers);
      }),
      publish: m => m.id === undefined ? channel.broadcast(m.data, m.event) // an id of its own, and JSON
                                       : channel.activeSessions.forEach(s => s.batch(buffer(m))),
    };
  },

  "sse-channel": async () => {
    const {default: SseChannel} = await import("sse-channel");
    const channel = new SseChannel({history: history.map(m => ({...m, id: Number(m.id)})), historySize: 1000,
                                    retryTimeout: retry, pingInterval: pause});
    return {
      server: http.createServer((req, res) => answered(req, res) || (channel.addClient(req, res), opened(req.headers))),
      publish: m => channel.send({...m, id: m.id && Number(m.id)}),
    };
  },

  "express-sse": async () => { // ids that begin anew with each connection, and no history
    const {default: express} = await import("express");
    const {default: SSE} = await import("express-sse");
    const sse = new SSE(["first", "second"]);
    const app = express();
    app.get("/stream", (req, res) => (sse.init(req, res), opened(req.headers)));
    app.get("/coded", new SSE(["first"], {isCompressed: true}).init); // has a Content-Encoding, and is not compressed
    app.get(/^\/moved(30.)$/, (req, res) => res.redirect(Number(req.params[0]), "/stream"));
    app.get("/circle", (_, res) => res.redirect("/circle"));
    app.get("/none", (_, res) => res.sendStatus(204));
    app.get("/page", (_, res) => res.send("<p>data: no event\n\n"));
    return {server: http.createServer(app), publish: m => sse.send(m.data, m.event, m.id)};
  },

  "@fastify/sse": async () => {
    const {default: fastify} = await import("fastify");
    const {default: sse} = await import("@fastify/sse");
    const app = fastify({forceCloseConnections: true});
    await app.register(sse, {heartbeatInterval: pause, serializer: String});
    const streams = new Set();
    app.get("/stream", {sse: "only"}, async (req, reply) => {
      reply.sse.keepAlive();
      reply.sse.sendHeaders();
      await reply.sse.replay(id => replay(id, m => reply.sse.send(m)));
      streams.add(reply.sse);
      reply.sse.onClose(() => streams.delete(reply.sse));
      opened(req.headers);
    });
    app.post("/answer", {sse: "manual"}, async (req, reply) => {
      say({question: req.body});
      if (!req.body.stream) return {choices: []};
      for (const content of words) await reply.sse.send({data: JSON.stringify({choices: [{delta: {content}}]})});
      await reply.sse.send({data: "[DONE]"});
    });
    for (const code of redirects) app.get(`/moved${code}`, (_, reply) => reply.redirect("/stream", code));
    app.get("/circle", (_, reply) => reply.redirect("/circle"));
    app.get("/none", (_, reply) => reply.code(204).send());
    app.get("/page", (_, reply) => reply.type("text/html").send("<p>data: no event\n\n"));
    await app.ready();
    return {app, server: app.server, publish: m => streams.forEach(s => s.send(m))};
  },

  "hono": async () => {
    const {Hono} = await import("hono");
    const {streamSSE} = await import("hono/streaming");
    const {createAdaptorServer} = await import("@hono/node-server");
    const app = new Hono();
    const streams = new Set();
    app.get("/stream", c => streamSSE(c, async stream => {
      await replay(c.req.header("Last-Event-ID"), m => stream.writeSSE(m));
      streams.add(stream);
      opened(c.req.header());
      await new Promise(gone => stream.onAbort(gone));
      streams.delete(stream);
    }));
    app.post("/answer", async c => {
      const question = await c.req.json();
      say({question});
      return streamSSE(c, async stream => {
        for (const content of words) {
          await stream.writeSSE({data: JSON.stringify({choices: [{delta: {content}}]})});
          await stream.sleep(5);
        }
        if (!question.cut) await stream.writeSSE({data: "[DONE]"});
      });
    });
    for (const code of redirects) app.get(`/moved${code}`, c => c.redirect("/stream", code));
    app.get("/circle", c => c.redirect("/circle"));
    app.get("/none", c => c.body(null, 204));
    app.get("/page", c => c.html("<p>data: no event\n\n"));
    return {server: createAdaptorServer({fetch: app.fetch}), publish: m => streams.forEach(s => s.writeSSE(m))};
  },

  "graphql-sse": async () => {
    const {GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString} = await import("graphql");
    const {createHandler} = await import("graphql-sse/lib/use/http");
    const type = (name, fields) => new GraphQLObjectType({name, fields});
    const to = {type: GraphQLInt, args: {to: {type: GraphQLInt}}, resolve: n => n, async* subscribe(_, {to}) {
      for (let n = 1; n <= to; ++n) yield (await sleep(5), n);
    }};
    const schema = new GraphQLSchema({query: type("Query", {hello: {type: GraphQLString, resolve: () => "world"}}),
                                      subscription: type("Subscription", {count: to})});
    const handler = createHandler({schema});
    return {server: http.createServer((req, res) => (opened(req.headers), handler(req, res))), publish: () => {}};
  },
};

const {server, app, publish} = await packages[name]();
const sockets = new Set();
server.on("connection", s => (sockets.add(s), s.on("close", () => sockets.delete(s))));
readline.createInterface({input: process.stdin}).on("line", async line => {
  const told = JSON.parse(line);
  if (told.cut) sockets.forEach(s => s.destroy());
  for (const m of told.publish ?? []) {
    if (m.id !== undefined) history.push(m), fs.appendFileSync(journal, JSON.stringify(m) + "\n");
    publish(m);
  }
}).on("close", () => process.exit());
if (app) await app.listen({port: Number(port), host: "127.0.0.1"});
else await new Promise(done => server.listen(Number(port), "127.0.0.1", done));
say({listening: true});
