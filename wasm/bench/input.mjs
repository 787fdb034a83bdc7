// What the benchmark streams, and the server that streams it, as a process of its own.
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const recordings = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../tests/transcripts/tabbyapi-engine");

/** Milliseconds after the first token of a short stream. */
const PAUSE = 3;

/** Pieces arrive in about this size from a fast server. */
const PIECE = 60_000;

const HEAD = 'data: {"id": "chatcmpl-910a2dec89025cc1c1b4bb728dd96dc3", "object": "chat.completion.chunk", "created": 1795404276, "choices": [{"index": 0, "delta": ';
const TAIL = ', "finish_reason": null}], "model": "alpha-7B-exl3"}';

/** Events of a conversation as TabbyAPI writes them, without their end, by the name of the stream. */
const STREAMS = {
  // One token in each.
  one: (at) => `${HEAD}{"content": "tok${at % 1000} "}${TAIL}`,
  // Three, as with a draft model.
  three: (at) => `${HEAD}{"content": "tok${at % 1000} and tok${at % 77}, tok${at % 13}"}${TAIL}`,
  // The text of a real engine, again and again.
  recorded: (at) => recorded()[at % recorded().length],
};

let events;
function recorded() {
  events ??= readFileSync(path.join(recordings, "d-chat-s.resp"), "utf8")
    .split(/\r?\n\r?\n/)
    .filter((event) => event.startsWith("data: {") && event.includes('"finish_reason": null'));
  return events;
}

function pieces(name, count) {
  const list = [];
  let text = "";
  for (let at = 0; at < count; at++) {
    text += `${STREAMS[name](at)}\r\n\r\n`;
    if (text.length > PIECE || at === count - 1) {
      list.push(Buffer.from(text));
      text = "";
    }
  }
  return [...list, Buffer.from(`${HEAD}{}, "finish_reason": "stop"}], "model": "alpha-7B-exl3"}\r\n\r\ndata: [DONE]\r\n\r\n`)];
}

export const NAMES = Object.keys(STREAMS);

if (process.env.BENCH_SERVER) {
  const count = Number(process.env.BENCH_SERVER);
  const made = new Map(NAMES.map((name) => [name, pieces(name, count)]));
  // The first token of a server comes alone.
  made.set("short", [...pieces("one", 1).slice(0, 1), ...pieces("one", 20)]);
  const server = http.createServer((request, response) => {
    request.resume();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    if (request.method === "GET") return response.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
    const parts = made.get(request.url.split("/")[1]);
    let at = 0;
    const isShort = parts === made.get("short");
    if (isShort) response.write(parts[at++]);
    const go = () => {
      while (at < parts.length) if (!response.write(parts[at++])) return response.once("drain", go);
      response.end();
    };
    setTimeout(go, isShort ? PAUSE : 0);
  });
  // A connection that is closed while something else is measured would be one that fails.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}
