// Runs a command with servers to test against: node serve.mjs COMMAND [ARG ...]
//
// The command finds their addresses at `TABBY_HOSTS_URL`. Pages cannot read the environment, so tests take it in as they are
// compiled, and it stays the same from run to run where its port is free.
//
//   /servers          the emulator, a server without CORS, and an address where nobody listens
//   /log              what was asked, and whose clients went away, as lines
//   /<odd>/<number>/  a base URL whose server misbehaves, see `odd` below; the number tells tests apart
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const program = process.env.TABBY_EMULATOR ?? path.join(root, "target/debug/tabbyapi-emulator");
const log = [];

const emulator = spawn(program, ["--port", "0", "--log", "--token-delay-ms", "5", "--load-delay-ms", "40"], {
  stdio: ["ignore", "pipe", "inherit"],
});
process.on("exit", () => emulator.kill());
const died = (reason) => {
  console.error(`the emulator ended: ${reason}`);
  process.exit(1);
};
emulator.on("error", (error) => died(error.message)).on("exit", died);
const lines = readline.createInterface(emulator.stdout).on("line", (line) => log.push(line));
const [first] = await once(lines, "line");
const emulatorUrl = first.split(" ").at(-1);

const EVENT = `data: ${JSON.stringify({
  id: "1", object: "chat.completion.chunk", created: 1, model: "m",
  choices: [{ index: 0, delta: { role: "assistant", content: "So far" }, finish_reason: null }],
})}\r\n\r\n`;
const CARD = { id: "alpha", object: "model", created: 1, owned_by: "tabbyAPI" };
const busy = new Map();

const json = (response, status, value, headers = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
const events = (response) => response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });

/** Servers that misbehave: the first part of the path, and what it does. */
const odd = {
  // Never answers.
  silent() {},
  // Answers after a while.
  slow(_, response) {
    setTimeout(() => json(response, 200, CARD), 300);
  },
  // Breaks the connection in the middle of an event.
  breaks(_, response) {
    events(response).write(EVENT + EVENT.slice(0, 20), () => setTimeout(() => response.destroy(), 50));
  },
  // Is busy twice, and says when to come back to those who may read it.
  busy(request, response) {
    const times = (busy.get(request.url) ?? 0) + 1;
    busy.set(request.url, times);
    if (times <= 2) json(response, 503, { detail: "busy" }, { "retry-after": "0" });
    else json(response, 200, CARD);
  },
  redirect(request, response) {
    response.writeHead(307, { location: request.url.replace("/redirect/", "/elsewhere/") }).end();
  },
  elsewhere(_, response) {
    json(response, 200, CARD);
  },
  // No body at all.
  empty(_, response) {
    response.writeHead(204).end();
  },
  // What is no text anywhere.
  noise(_, response) {
    response.writeHead(200, { "content-type": "application/json", "x-odd": "\u00ff\u00fe" });
    response.end(Buffer.from([0xff, 0xfe, 0x00, 0x7b]));
  },
  // The headers that came.
  headers(request, response) {
    json(response, 200, { ...CARD, parameters: null, id: JSON.stringify(request.headers) });
  },
};

function handle(request, response) {
  log.push(`request ${request.method} ${request.url}`);
  response.on("close", () => response.writableFinished || log.push(`disconnect ${request.method} ${request.url}`));
  request.resume();
  const known = odd[request.url.split("/")[1]];
  if (known) return known(request, response);
  json(response, 404, { detail: "Not Found" });
}

async function listen(handler, port = 0) {
  const server = http.createServer(handler);
  server.listen(port, "127.0.0.1");
  await Promise.race([once(server, "listening"), once(server, "error").then(([error]) => Promise.reject(error))]);
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

const shy = await listen(handle);
const closed = await listen(() => {});
closed.server.close();

const open = (request, response) => {
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-allow-headers", "*, authorization");
  response.setHeader("access-control-allow-methods", "*");
  if (request.method === "OPTIONS") response.writeHead(204).end();
  else if (request.url === "/servers") json(response, 200, { emulator: emulatorUrl, shy: shy.url, closed: closed.url });
  else if (request.url === "/log") response.end(log.join("\n"));
  else handle(request, response);
};
// A port of this checkout's own.
const wanted = 20_000 + ([...root].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % 9973);
const { url } = await listen(open, wanted).catch(() => listen(open));

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, TABBY_HOSTS_URL: url } });
child.on("error", (error) => {
  console.error(`${command}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
