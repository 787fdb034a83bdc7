// What large answers take in memory at most, in Node: node bench/peaks.mjs [--unbounded] [WORDS OF A NAME]
//
// Each answer is read by a process of its own. Its peak is what the resident memory of that process grew by at most while the answer
// was read, as Linux counts it: the module's memory, the heap, what the parser needs, and garbage that was not collected yet.
// --unbounded switches the cap on what documents become off. Needs the built package.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import v8 from "node:v8";
import vm from "node:vm";

const MIB = 1 << 20;
const [EVENT, BODY] = [15 * MIB, 60 * MIB];

/** `unit` again and again, between two texts, up to so many bytes. */
const filled = (before, unit, between, after, size) => {
  const count = Math.floor((size - before.length - after.length - unit.length) / (unit.length + between.length));
  return before + (unit + between).repeat(count) + unit + after;
};
const list = (unit, size = BODY) => () => filled('{"data":[],"x":[', unit, ",", "]}", size);
const event = (before, unit, after, size = EVENT) => () => `data: ${filled(before, unit, ",", after, size)}\n\ndata: [DONE]\n\n`;
const fields = (size) => {
  let text = '{"data":[]';
  for (let at = 0; text.length < size; at++) text += `,"k${at}":0`;
  return `${text}}`;
};
const top = '{"token":" the","token_id":1234,"logprob":-12.345678901234567}';
const card = '{"id":"alpha-7B-exl3","object":"model","created":1795359305,"owned_by":"tabbyAPI","logging":null,"parameters":null}';

/** What is called, and the answer; `status` is 200 if it is not named. */
const SHAPES = {
  "small objects": ["list", list('{"":0}')],
  "empty objects": ["list", list("{}")],
  "empty lists": ["list", list("[]")],
  "lists of lists": ["list", list("[[[[[[0]]]]]]")],
  "zeroes": ["list", list("0")],
  "short texts": ["list", list('"a"')],
  "texts of 24": ["list", list('"aaaaaaaaaaaaaaaaaaaaaaaa"')],
  "fields of one object": ["list", () => fields(20 * MIB)],
  "empty models": ["list", () => filled('{"data":[', "{}", ",", "]}", BODY)],
  "a text": ["list", () => filled('{"data":[{"id":"', "aaaaaaaaaaaaaaaa", "", '"}]}', BODY)],
  "a text of escapes": ["list", () => filled('{"data":[],"x":"', "\\n", "", '"}', BODY)],
  "an error of 8 MB": ["list", () => filled('{"detail":[{"loc":[],"msg":"a","input":[', '{"":0}', ",", "]}]}", 8e6), 422],
  "an event of empty choices": ["stream", event('{"choices":[', "{}", "]}")],
  "an event of empty tool calls": ["stream", event('{"choices":[{"delta":{"tool_calls":[', "{}", "]}}]}")],
  "an event of small objects": ["stream", event('{"choices":[{"delta":{},"x":[', '{"":0}', "]}]}")],
  "real: 500,000 models": ["list", () => filled('{"object":"list","data":[', card, ",", "]}", BODY)],
  "real: a vector of numbers": ["embed", () => filled('{"data":[{"index":0,"embedding":[', "-0.02341234567890123", ", ", "]}]}", 20 * MIB)],
  "real: a vector in base64": ["embed", () => filled('{"data":[{"index":0,"embedding":"', "AACAPwAAgD8AAIA/", "", '"}]}', 20 * MIB)],
  "real: three million tokens": ["encode", () => filled('{"length":1,"tokens":[', "12345", ",", "]}", 20 * MIB)],
  "real: a long answer": ["create", () => filled('{"choices":[{"index":0,"message":{"role":"assistant","content":"', "A line of text.\\n", "", '"}}]}', 20 * MIB)],
  "real: likely tokens of a chunk": ["stream", event('{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.1,"top_logprobs":[', top, "]}]}}]}", 10 * MIB)],
};

const ask = { messages: [{ role: "user", content: "x" }] };
const CALLS = {
  list: (tabby) => tabby.models.list(),
  stream: (tabby) => tabby.chat.stream(ask).final(),
  create: (tabby) => tabby.chat.create(ask),
  embed: (tabby) => tabby.embeddings.create({ input: "x" }),
  encode: (tabby) => tabby.tokens.encode("x"),
};

if (process.env.PEAKS_URL) await measure(process.env.PEAKS_URL, process.env.PEAKS_CALL);
else await main(process.argv.slice(2));

async function main(words) {
  const unbounded = words.includes("--unbounded");
  const only = words.filter((word) => !word.startsWith("--")).join(" ");
  console.log(`${"answer".padEnd(32)} ${"bytes".padStart(10)} ${"peak MB".padStart(8)} ${"times".padStart(6)} ${"module".padStart(7)} ${"kept".padStart(6)} ${"ms".padStart(6)}  outcome`);
  for (const [name, [call, make, status = 200]] of Object.entries(SHAPES)) {
    if (!name.includes(only)) continue;
    const body = Buffer.from(make());
    const server = http.createServer((request, response) => {
      request.resume();
      if (request.url.startsWith("/small")) return response.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
      response.writeHead(status, { "content-type": call === "stream" ? "text/event-stream" : "application/json" });
      response.end(body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const env = { ...process.env, PEAKS_URL: `http://127.0.0.1:${server.address().port}`, PEAKS_CALL: call, PEAKS_UNBOUNDED: unbounded ? "1" : "" };
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url)], { env });
    const { peak, module, kept, ms, outcome } = JSON.parse(stdout);
    const mb = (bytes) => (bytes / 1e6).toFixed(0);
    const times = (peak / body.length).toFixed(1);
    console.log(`${name.padEnd(32)} ${String(body.length).padStart(10)} ${mb(peak).padStart(8)} ${times.padStart(6)} ${mb(module).padStart(7)} ${mb(kept).padStart(6)} ${ms.toFixed(0).padStart(6)}  ${outcome}`);
    server.closeAllConnections();
    server.close();
  }
}

async function measure(url, call) {
  const { Tabby } = await import("../dist/node.js");
  const { ready } = await import("../dist/load.js");
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc");
  const memory = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "latin1"))[1]);
  const used = () => (gc(), process.memoryUsage().heapUsed);
  await new Tabby({ baseURL: `${url}/small` }).models.list();
  const [heap, module, before] = [used(), (await ready()).memoryBytes, memory("VmRSS")];
  // From here on the peak is counted.
  writeFileSync("/proc/self/clear_refs", "5");
  const limits = process.env.PEAKS_UNBOUNDED ? { expansion: Infinity } : undefined;
  const tabby = new Tabby({ baseURL: url, limits, maxRetries: 0 });
  const began = performance.now();
  let [outcome, answer] = ["ok"];
  try {
    answer = await CALLS[call](tabby);
  } catch (error) {
    outcome = `${error.kind}/${error.code}`;
  }
  const ms = performance.now() - began;
  const peak = memory("VmHWM") - before;
  const kept = used() - heap;
  process.stdout.write(JSON.stringify({ peak, module: (await ready()).memoryBytes - module, kept, ms, outcome, answer: answer !== undefined }));
}
