// What the benchmark streams, and the server that streams it, as a process of its own.
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const recordings = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../tests/transcripts/tabbyapi");

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
  // Reasoning and then text of a real server, again and again.
  recorded: (at) => recorded()[at % recorded().length],
};

let events;
function recorded() {
  events ??= readFileSync(path.join(recordings, "chat-reasoning-stream.resp"), "utf8")
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
  made.set("short", pieces("one", 20));
  const server = http.createServer((request, response) => {
    request.resume();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    if (request.method === "GET") return response.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
    const parts = made.get(request.url.split("/")[1]);
    let at = 0;
    const go = () => {
      while (at < parts.length) if (!response.write(parts[at++])) return response.once("drain", go);
      response.end();
    };
    go();
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}
