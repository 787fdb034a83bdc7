// Servers that mean harm, over sockets: the trials of tests/hostile, of which there is one list for all clients. It prints a table.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import readline from "node:readline";
import test from "node:test";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";
import { ready } from "../dist/load.js";
import { Tabby, TabbyError } from "../dist/node.js";
import { sleep } from "./support.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const program = process.env.TABBY_HOSTILE ?? path.join(root, "target/debug/tabbyapi-hostile");

/** What a call may take, on the heap and beside it: what is garbage and was not collected yet counts, too. */
const MEMORY = 96 << 20;
/** What a stream may take that was added up until the default cap was reached. */
const ACCUMULATED = 3 * (64 << 20);

v8.setFlagsFromString("--expose-gc");
const gc = vm.runInNewContext("gc");

const unhandled = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
process.on("uncaughtException", (error) => unhandled.push(error));

/** Starts the servers: the list that they print, and `requests()`, how many requests came to each of them in the end. */
async function servers(t) {
  const child = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill());
  const lines = readline.createInterface(child.stdout)[Symbol.asyncIterator]();
  const list = JSON.parse((await lines.next()).value);
  const requests = async () => {
    child.stdin.end("\n");
    return JSON.parse((await lines.next()).value).requests;
  };
  return { ...list, requests };
}

const hello = { messages: [{ role: "user", content: "hello" }], max_tokens: 9 };
const CALLS = {
  read: (tabby) => tabby.models.list().then(({ data }) => data.length),
  stream: (tabby) => tabby.chat.stream(hello).final().then(textOf),
  kobold: (tabby) => tabby.kobold.stream({ prompt: "hello" }).final().then(textOf),
  load: (tabby) => tabby.models.load({ model_name: "alpha" }).final().then(textOf),
};

function textOf(answer) {
  if (answer?.parts) return answer.parts.length || "";
  return answer?.choices?.[0]?.message?.content ?? answer?.results?.[0]?.text ?? "";
}

/** Makes a call, and says how it ended: `ok` and what came, or kind and code of the error and the beginning of what had come. */
async function endOf({ call, url }, { quiet, total, limits }) {
  const timeouts = { head: quiet, idle: quiet, firstItem: Infinity };
  const timeoutPolicy = { read: { ...timeouts, total }, stream: timeouts, load: timeouts };
  const tabby = new Tabby({ baseURL: url, apiKey: "key-of-trials", adminKey: "admin-key-of-trials", maxRetries: 0, timeoutPolicy, limits });
  try {
    return `ok ${await CALLS[call](tabby)}`;
  } catch (error) {
    if (!(error instanceof TabbyError)) return `a raw ${error?.stack ?? error}`;
    return `${error.kind}/${error.code} ${[...String(textOf(error.partial)).slice(0, 16)].slice(0, 8).join("")}`.trimEnd();
  }
}

/** Runs it, and says how long it took and by how much memory grew at most meanwhile, as far as could be seen. */
async function measured(run) {
  gc();
  const { memoryBytes } = await ready();
  const used = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  let peak = before;
  const look = setInterval(() => (peak = Math.max(peak, used())), 10);
  const began = performance.now();
  const result = await run();
  const took = performance.now() - began;
  clearInterval(look);
  peak = Math.max(peak, used());
  const module = (await ready()).memoryBytes - memoryBytes;
  return { result, took, memory: peak - before, module };
}

test("hostile servers do no harm", { timeout: 600_000 }, async (t) => {
  const list = await servers(t);
  const within = list.total + list.spare;
  const bad = [];
  const kib = (bytes) => String(Math.round(bytes / 1024));
  const row = (name, call, took, memory, module, rest) =>
    console.log([name.padEnd(40), call.padEnd(7), took.padStart(7), memory.padStart(9), module.padStart(9), ` ${rest}`].join(" "));
  row("trial", "call", "ms", "KiB", "module", "outcome");
  for (const trial of list.trials) {
    const { name, call, end, why } = trial;
    // A timer without a hold on the process.
    const late = new Promise((resolve) => setTimeout(resolve, within, "no end").unref());
    const { result, took, memory, module } = await measured(() => Promise.race([endOf(trial, list), late]));
    row(name, call, took.toFixed(0), kib(memory), kib(module), why ? `${result} (${why})` : result);
    const most = result.includes("stream_too_large") ? ACCUMULATED : MEMORY;
    if (result !== end || memory > most) bad.push(`${name}, ${call}: ${result}, ${kib(memory)} KiB, not ${end}`);
  }
  for (const cut of list.cuts) {
    const result = await endOf(cut, list);
    if (!cut.kinds.includes(result.split(/[/ ]/)[0])) {
      bad.push(`${cut.call}, cut at ${cut.at} of ${JSON.stringify(cut.text)}, reset: ${cut.reset}: ${result}`);
    }
  }
  const more = (await list.requests()).flatMap((count, at) => (count > 1 ? [`${list.trials[at]?.name ?? "a cut"}: ${count} requests`] : []));
  assert.deepEqual([...bad, ...more], []);
  await sleep(100);
  assert.deepEqual(unhandled, []);
});
