// Servers to test against: the emulator, as a program, and answers that a test writes itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const program = process.env.TABBY_EMULATOR ?? path.join(root, "target/debug/tabbyapi-emulator");

export const API_KEY = "emulator-api-key";
export const ADMIN_KEY = "emulator-admin-key";

/** Starts the emulator; it ends with the test. `seen(words)` waits for a line of its log. */
export async function emulator(t, ...args) {
  const child = spawn(program, ["--port", "0", "--log", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  const lines = [];
  const waiting = new Set();
  readline.createInterface(child.stdout).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const seen = (words, ms = 5000) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = lines.find((line) => line.includes(words));
        if (found === undefined) return;
        clearTimeout(limit);
        waiting.delete(look);
        resolve(found);
      };
      const limit = setTimeout(() => reject(new Error(`the emulator never said "${words}":\n${lines.join("\n")}`)), ms);
      waiting.add(look);
      look();
    });
  const url = (await seen(" emulator on http")).split(" ").at(-1);
  return { url, seen, lines };
}

/** A server that answers with `handle(request, response, body)`. */
export async function server(t, handle) {
  const seen = [];
  const listening = http.createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    seen.push({ method: request.method, url: request.url, headers: request.headers, body: body ? JSON.parse(body) : undefined });
    await handle(request, response, seen.length);
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { url: `http://127.0.0.1:${listening.address().port}`, seen };
}

/** Answers with JSON. */
export function json(response, status, value, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
}

/** Begins an event stream. */
export function events(response) {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.flushHeaders();
}

/** A chunk of a conversation as the server writes it. */
export function chunk(delta, rest = {}, index = 0) {
  const choice = { index, delta, finish_reason: null, ...rest };
  return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 7, choices: [choice], model: "m" };
}

export const event = (value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\r\n\r\n`;

export const ask = (text = "Hello there") => ({ messages: [{ role: "user", content: text }], max_tokens: 200 });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** The method of an operation, such as `tabby.health.serviceInfo` of `health.service_info`. */
export function methodOf(tabby, operation) {
  const [service, name] = operation.split(".").map((word) => word.replace(/_./g, (two) => two[1].toUpperCase()));
  return (...given) => tabby[service][name](...given);
}
