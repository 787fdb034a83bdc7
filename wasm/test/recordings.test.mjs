// Every recorded exchange of tests/transcripts, as it came, byte by byte, and in pieces of seven: it must come to what outcomes.json says.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { Tabby, TabbyError } from "../dist/node.js";
import { methodOf } from "./support.mjs";

const folder = new URL("../../tests/transcripts/", import.meta.url);
const outcomes = JSON.parse(readFileSync(new URL("outcomes.json", folder), "utf8"));
const LINE_ENDS = "\r\n\r\n";

/** Recordings that cannot be played here, and why. */
const LEFT_OUT = {
  "stream-server-sigterm": "its body has the chunked framing in it",
  "completion-empty-list": "this package refuses an empty list of prompts",
  "completion-stream-empty-list": "this package refuses an empty list of prompts",
};

/** A file of a recording, if there is one: its first line, its headers and the bytes of its body. */
function http(name, kind) {
  const folders = ["tabbyapi", "tabbyapi-engine", "tabbyapi-extra"];
  const file = folders.map((of) => new URL(`${of}/${name}.${kind}`, folder)).find((at) => existsSync(at));
  if (file === undefined) return { headers: new Headers(), body: Buffer.alloc(0) };
  const bytes = readFileSync(file);
  // Where curl gave up, it says so after the request.
  const note = bytes.lastIndexOf("\n[curl exit ");
  const end = bytes.indexOf(LINE_ENDS);
  const [first, ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = new Headers(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
  const body = bytes.subarray(end + LINE_ENDS.length, note < 0 ? bytes.length : note);
  return { first, headers, body, isGivenUp: note >= 0 };
}

/** The request of a recording, or one like it where that was wrong on purpose. */
function requestOf(operation, { body }) {
  const like = operation.startsWith("chat") ? { messages: [{ role: "user", content: "hi" }] } : { prompt: "hi", max_tokens: 5 };
  try {
    const request = JSON.parse(body);
    return request.messages || request.prompt ? request : like;
  } catch {
    return like;
  }
}

/** The call of an operation, where it is not the method with the request. */
const CALLS = {
  "models.load": (tabby) => tabby.models.load({ model_name: "model" }),
  "auth.permission": async (tabby) => ({ permission: await tabby.auth.permission() }),
};

function callOf(tabby, operation, request) {
  if (CALLS[operation]) return CALLS[operation](tabby);
  return /^(chat|completions)\./.test(operation) ? methodOf(tabby, operation)(request) : methodOf(tabby, operation)();
}

/** Without members that are null or undefined, which are as good as absent. */
function normal(value) {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, inner]) => (inner == null ? [] : [[name, normal(inner)]])));
}

/** What is alike of errors. How long was waited is not. */
function errorOf({ kind, code, phase, retryable, reason, trace }) {
  return normal({ kind, code, phase, retryable, reason: kind === "timeout" ? undefined : reason, trace });
}

/** What the recording comes to, its body in pieces of so many bytes. */
async function outcomeOf(name, { operation }, size) {
  const request = http(name, "req");
  const answer = http(name, "resp");
  const key = (header) => request.headers.get(header) || undefined;
  const bearer = key("authorization")?.match(/^bearer (.+)/i)?.[1];
  const fetch = async () => {
    const pieces = [];
    for (let at = 0; at < answer.body.length; at += size) pieces.push(Uint8Array.from(answer.body.subarray(at, at + size)));
    const pull = (controller) => {
      if (pieces.length > 0) controller.enqueue(pieces.shift());
      else if (!request.isGivenUp) controller.close();
    };
    return new Response(new ReadableStream({ pull }), { status: Number(answer.first.split(" ")[1]), headers: answer.headers });
  };
  const timeouts = request.isGivenUp ? { firstItem: 200, idle: 200 } : undefined;
  const options = { baseURL: "http://tabby.test", apiKey: key("x-api-key"), adminKey: key("x-admin-key"), bearer, maxRetries: 0, timeouts, fetch };
  const call = callOf(new Tabby(options), operation, requestOf(operation, request));
  const items = [];
  const seen = {};
  try {
    if (call[Symbol.asyncIterator]) for await (const item of call) items.push(normal(item));
    const sum = await (call.final?.() ?? call);
    if (sum != null) seen.sum = normal(sum);
  } catch (error) {
    assert.ok(error instanceof TabbyError, `${name}: ${error?.stack}`);
    seen.error = errorOf(error);
    if (call[Symbol.asyncIterator] && error.partial !== undefined) seen.sum = normal(error.partial);
  }
  // What a load says besides.
  delete seen.sum?.wasLoadedAlready;
  if (call[Symbol.asyncIterator]) seen.items = items;
  return seen;
}

test("each recording comes to the same as in Rust", async (t) => {
  const names = Object.keys(outcomes).filter((name) => !(name in LEFT_OUT));
  assert.ok(names.length > 150);
  for (const size of [Infinity, 1, 7]) {
    await t.test(`in pieces of ${size}`, async () => {
      const wrong = [];
      for (const name of names) {
        const seen = await outcomeOf(name, outcomes[name], Math.min(size, 1 << 30));
        const { items, sum, error } = outcomes[name];
        const expected = normal({ items, sum, error: error && errorOf(error) });
        try {
          assert.deepEqual(seen, expected);
        } catch (difference) {
          wrong.push(`${name}: ${difference.message}`);
        }
      }
      assert.equal(wrong.length, 0, `${wrong.length} of them:\n${wrong.join("\n")}`);
    });
  }
});
