// Hosts, or what callers put in place of their `fetch`, that do what the standard does not say; requests and options that are none.
// None of it may end the program, or leave a call without an end.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import test from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { Tabby, TabbyError } from "../dist/node.js";
import { ask, event, sleep } from "./support.mjs";

const ANSWER = { id: "1", choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }] };
const bytes = new TextEncoder().encode(JSON.stringify(ANSWER));

const unhandled = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
process.on("uncaughtException", (error) => unhandled.push(error));

const clientOf = (fetch, rest) => new Tabby({ baseURL: "http://tabby.test", maxRetries: 0, timeoutPolicy: { generate: { total: 2000 }, stream: { total: 2000 } }, fetch, ...rest });

/** The errors of a whole answer and of a stream. */
async function failures(fetch) {
  const tabby = clientOf(fetch);
  const errors = [];
  for (const call of [() => tabby.chat.create(ask()), () => tabby.chat.stream(ask()).final()]) {
    errors.push(await Promise.resolve().then(call).then((answer) => assert.fail(JSON.stringify(answer)), (error) => error));
  }
  for (const error of errors) assert.ok(error instanceof TabbyError, `${fetch}: ${error?.stack ?? error}`);
  return errors;
}

/** In a function, since a promise that is rejected must not be made before its time. */
const thrown = {
  undefined: () => undefined,
  null: () => null,
  number: () => 7,
  text: () => "words",
  object: () => ({}),
  symbol: () => Symbol("s"),
  "bare object": () => Object.create(null),
  proxy: () => new Proxy({}, { get() { throw 1; } }),
  "object with a message": () => ({ message: { a: 1n } }),
  abort: () => new DOMException("left", "AbortError"),
  timeout: () => new DOMException("late", "TimeoutError"),
};

test("rejections and throws of every kind", async () => {
  for (const [name, make] of Object.entries(thrown)) {
    for (const fetch of [() => Promise.reject(make()), () => { throw make(); }, async () => { await sleep(1); throw make(); }]) {
      const kind = name === "timeout" ? "timeout" : "transport";
      for (const error of await failures(fetch)) assert.equal(error.kind, kind, `${name}: ${error}`);
    }
  }
});

test("answers that are none", async () => {
  const getter = (name) => Object.defineProperty({ status: 200, headers: {}, body: null }, name, { get() { throw new Error("getter"); } });
  const answers = [
    ...[undefined, null, 7, "words", {}, [], () => 1, Symbol("s"), { status: 99 }, { status: "200" }, { status: 200, body: 1 }, { status: 200, body: {} }],
    ...[{ status: 200, body: { getReader: () => undefined } }, { status: 200, body: { getReader() { throw 1; } } }, Response.error()],
    ...["status", "headers", "body", "type", "bodyUsed"].map(getter),
    new Proxy({}, { get() { throw 1; } }),
  ];
  for (const answer of answers) {
    for (const fetch of [() => answer, async () => answer]) {
      for (const error of await failures(fetch)) assert.equal(error.kind, "transport", String(error));
    }
  }
  const thenable = { get then() { throw new Error("then"); } };
  for (const error of await failures(() => thenable)) assert.equal(error.kind, "transport");
});

test("headers that are none", async () => {
  for (const headers of [undefined, 7, [1, "x", [], [2, 3], ["a b", "c"], ["x-odd", "\n"]], { get: 1 }]) {
    const tabby = clientOf(async () => ({ status: 200, headers, body: new Response(bytes).body }));
    assert.equal((await tabby.chat.create(ask())).choices[0].message.content, "ok");
  }
});

test("bodies that are used, locked, or not made of bytes", async () => {
  const locked = async () => {
    const response = new Response("{}");
    response.body.getReader();
    return response;
  };
  const used = async () => {
    const response = new Response("{}");
    await response.text();
    return response;
  };
  for (const fetch of [locked, used]) for (const error of await failures(fetch)) assert.equal(error.kind, "transport");
  const pieces = ["text", 7, {}, null, undefined, Symbol("s"), [1]];
  const bodyOf = (piece) => ({ getReader: () => ({ read: async () => ({ done: false, value: piece }), cancel: async () => {} }) });
  const readers = [() => undefined, () => 7, () => { throw 1; }, async () => undefined, async () => { throw undefined; }, async () => null];
  const odd = [...pieces.map(bodyOf), ...readers.map((read) => ({ getReader: () => ({ read }) }))];
  for (const body of odd) {
    for (const error of await failures(async () => ({ status: 200, headers: { "content-type": "application/json" }, body }))) {
      assert.ok(["transport", "truncated"].includes(error.kind), String(error));
    }
  }
  // A reader that cannot be cancelled, or says so late.
  for (const cancel of [() => { throw 1; }, () => Promise.reject(2), undefined]) {
    const read = async () => ({ done: false, value: new TextEncoder().encode(event({ choices: [{ delta: { content: "a" } }] })) });
    const stream = clientOf(async () => ({ status: 200, body: { getReader: () => ({ read, cancel }) } })).chat.stream(ask());
    for await (const _ of stream) break;
    assert.ok(stream.ended);
  }
});

test("bytes of every kind, streams of Node, and bodies that come at once", async () => {
  const { buffer } = bytes.slice();
  const foreign = vm.runInNewContext("Uint8Array.from(bytes)", { bytes });
  for (const view of [bytes, Buffer.from(bytes), new DataView(buffer), new Uint8ClampedArray(buffer), buffer, foreign, foreign.buffer]) {
    const body = new ReadableStream({ start(c) { c.enqueue(view); c.close(); } });
    const answer = await clientOf(async () => ({ status: 200, headers: new Map([["content-type", "application/json"]]), body })).chat.create(ask());
    assert.equal(answer.choices[0].message.content, "ok");
  }
  const node = clientOf(async () => ({ status: 200, headers: { "content-type": "application/json" }, body: Readable.from([Buffer.from(bytes)]) }));
  assert.equal((await node.chat.create(ask())).choices[0].message.content, "ok");
  const atOnce = clientOf(async () => ({ status: 200, headers: {}, arrayBuffer: async () => buffer }));
  assert.equal((await atOnce.chat.create(ask())).choices[0].message.content, "ok");
});

test("a fetch that never answers, or answers when nobody waits any more", async () => {
  const never = clientOf(() => new Promise(() => {}), { timeoutPolicy: { generate: { head: 30 } } });
  await assert.rejects(never.chat.create(ask()), { code: "timeout_head" });
  let cancelled = 0;
  const late = async () => {
    await sleep(60);
    return { status: 200, body: { cancel: () => Promise.reject((cancelled += 1)), getReader() { throw 1; } } };
  };
  await assert.rejects(clientOf(late, { timeoutPolicy: { generate: { head: 20 } } }).chat.create(ask()), { code: "timeout_head" });
  await sleep(80);
  assert.equal(cancelled, 1);
});

test("requests that cannot be written fail the call", async () => {
  const circular = { messages: [] };
  circular.self = circular;
  const odd = [{ messages: [], seed: 1n }, circular, { messages: [], toJSON() { throw new Error("no"); } }, { messages: [{ toJSON() { throw 7; } }] }];
  const tabby = clientOf(() => assert.fail("nothing is sent"));
  for (const request of odd) {
    await assert.rejects(tabby.chat.create(request), { name: "TabbyError", kind: "encode" });
    await assert.rejects(tabby.chat.stream(request).final(), { name: "TabbyError", kind: "encode" });
    await assert.rejects(tabby.completions.create({ prompt: request }), { name: "TabbyError", kind: "encode" });
    await assert.rejects(tabby.tokens.encode({ text: request }), { name: "TabbyError", kind: "encode" });
  }
  for (const request of [undefined, null, "words", 7, []]) {
    // No call throws: all of them reject.
    const calls = [tabby.chat.create(request), tabby.chat.stream(request).final(), tabby.completions.create(request), tabby.completions.stream(request).opened];
    calls.push(tabby.models.load(request).finalReport(), tabby.models.reload(request), tabby.models.download(request), tabby.loras.load(request));
    calls.push(tabby.embeddings.create(request), tabby.embeddingModels.load(request), tabby.kobold.generate(request), tabby.kobold.stream(request).final());
    for (const call of calls) await assert.rejects(call, { name: "TabbyError", code: "misuse" });
  }
});

test("options that are none are reported", async () => {
  const tabby = clientOf(() => assert.fail("nothing is sent"));
  const wrong = [
    [{ signal: new AbortController() }, /`signal` is not an AbortSignal; pass `controller.signal`, not the controller$/],
    [{ signal: {} }, /`signal` is not an AbortSignal$/],
    [{ signal: 7 }, /`signal`/],
    [{ maxRetries: 1n }, /^`maxRetries` is a value of the type bigint; give a number of at least 0, or `Infinity`$/],
    [{ timeouts: { head: Symbol("s") } }, /^`timeouts.head` is a value of the type symbol/],
    [{ timeouts: { head: "abc" } }, /^`timeouts.head` is "abc"/],
    [{ timeouts: { idle: -5 } }, /^`timeouts.idle` is "-5"/],
    [{ timeouts: { total: NaN } }, /^`timeouts.total` is "NaN"/],
    [{ timeout: "30s" }, /^`timeout` is "30s"/],
    [{ retry: { base: -1 } }, /^`retry.base` is "-1"/],
    [{ limits: { accumulated: "1MB" } }, /^`limits.accumulated` is "1MB"/],
    [{ fetchOptions: 7 }, /`fetchOptions` must be an object/],
    [{ headers: { "x-team": "a\nb" } }, /the header "x-team" cannot be sent/],
    [{ headers: { "x team": "a" } }, /the header "x team" cannot be sent/],
    [{ headers: [["x"]] }, /`headers` must be a pair/],
    [{ headers: 7 }, /`headers` must be/],
  ];
  for (const [options, message] of wrong) {
    for (const call of [() => tabby.models.list(options), () => tabby.chat.create(ask(), options), () => tabby.chat.stream(ask(), options).final()]) {
      await assert.rejects(call(), (error) => error instanceof TabbyError && message.test(error.message) && !error.message.includes("a\nb"), String(message));
    }
  }
  for (const timeoutPolicy of [{ stream: { head: "abc" } }, { read: { idle: -5 } }, { load: { total: NaN } }]) {
    assert.throws(() => clientOf(undefined, { timeoutPolicy }), { name: "TabbyError", kind: "config", code: "invalid_option", message: /^`timeoutPolicy\.\w+\.\w+` is "/ });
  }
  for (const options of [{ headers: { "x-a": "sesame\nopen" } }, { apiKey: 7 }, { adminKey: {} }, { retry: { base: 1n }, headers: Symbol("s") }]) {
    assert.throws(() => clientOf(undefined, options), (error) => error instanceof TabbyError && !error.message.includes("sesame"));
  }
  for (const given of [7, { apiKey: 7 }, { apiKey: "k", expiresIn: 1n }, new Proxy({}, { get() { throw 1; } })]) {
    const keyed = new Tabby({ baseURL: "http://tabby.test", getKey: () => given, fetch: async () => Response.json(ANSWER) });
    await keyed.chat.create(ask()).then(() => {}, (error) => assert.ok(error instanceof TabbyError && error.kind === "credentials", String(error)));
  }
});

test("hooks may throw, now or later", async (t) => {
  t.mock.method(console, "error", () => {});
  const hooks = { onAttempt: async () => { throw new Error("later"); }, onOutcome: () => { throw new Error("now"); } };
  const answer = await clientOf(async () => Response.json(ANSWER), hooks).chat.create(ask());
  assert.equal(answer.choices[0].message.content, "ok");
  assert.equal(console.error.mock.callCount(), 2);
});

test("a body that the host did not decode is named as such", async () => {
  const gzipped = gzipSync(bytes);
  const headers = { "content-encoding": "gzip", "content-type": "application/json" };
  const raw = clientOf(async () => ({ status: 200, headers, body: new Response(gzipped).body }));
  for (const call of [() => raw.chat.create(ask()), () => raw.chat.stream(ask()).final()]) {
    await assert.rejects(call(), { kind: "decode", code: "encoded_body", message: /is encoded with `gzip`.*use a `fetch` that decodes it$/ });
  }
  // Most hosts decode it, and leave the header.
  const decoded = clientOf(async () => ({ status: 200, headers, body: new Response(bytes).body }));
  assert.equal((await decoded.chat.create(ask())).choices[0].message.content, "ok");
  const odd = clientOf(async () => ({ status: 200, headers, body: new Response("{").body }));
  await assert.rejects(odd.chat.create(ask()), { code: "invalid_json" });
});

test("statuses that are none", async () => {
  for (const status of [0, -1, 99, 1000, 200.5, NaN, Infinity, 2 ** 32 + 200, true, "200", 200n, [200], { valueOf: () => 200 }]) {
    for (const error of await failures(async () => ({ status, headers: {}, body: null }))) assert.equal(error.kind, "transport", String(error));
  }
  for (const status of [100, 199, 204, 304, 600, 999]) await failures(async () => ({ status, headers: {}, body: null }));
});

test("headers that throw or are not what they seem", async () => {
  const odd = {
    "an iterator that throws": { [Symbol.iterator]() { throw new Error("iterator"); } },
    "an iterator that is none": { [Symbol.iterator]: () => 7 },
    "a field that throws": { get "x-odd"() { throw 1; } },
    "a field that has no text": { "x-odd": Symbol("s"), "x-none": null, "x-object": Object.create(null) },
    "a proxy": new Proxy({}, { ownKeys() { throw 1; } }),
    "a function": () => 1,
  };
  for (const [name, headers] of Object.entries(odd)) {
    const tabby = clientOf(async () => ({ status: 200, headers, body: new Response(bytes).body }));
    const answer = await tabby.chat.create(ask());
    assert.equal(answer.choices[0].message.content, "ok", name);
  }
});

test("bodies that never come, come late, or come in other ways", async () => {
  const never = () => new Promise(() => {});
  const timeoutPolicy = { generate: { idle: 40 }, stream: { idle: 40, firstItem: 40 } };
  const silent = [{ getReader: () => ({ read: never }) }, { [Symbol.asyncIterator]: () => ({ next: never }) }];
  const answers = [...silent.map((body) => ({ status: 200, headers: {}, body })), { status: 200, headers: {}, arrayBuffer: never }];
  for (const answer of answers) {
    for (const call of [(tabby) => tabby.chat.create(ask()), (tabby) => tabby.chat.stream(ask()).final()]) {
      await assert.rejects(call(clientOf(async () => answer, { timeoutPolicy })), { name: "TabbyError", kind: "timeout" });
    }
  }
  const broken = [
    ...[() => 7, () => { throw 1; }, async () => { throw undefined; }, async () => "text", async () => Symbol("s")].map((arrayBuffer) => ({ arrayBuffer })),
    ...[() => 7, () => ({}), () => { throw 1; }, () => ({ next: () => 7 }), () => ({ next: async () => { throw null; } })].map((make) => ({ body: { [Symbol.asyncIterator]: make } })),
    { body: { getReader: () => ({ read: async () => ({ get done() { throw 1; } }) }) } },
    { body: { getReader: () => ({ read: async () => ({ done: false, get value() { throw 1; } }) }) } },
    { body: { getReader: () => ({ get read() { throw 1; } }) } },
    { body: new ReadableStream({ start(c) { c.error(undefined); } }) },
    { body: new ReadableStream({ type: "bytes", pull() { throw Symbol("s"); } }) },
  ];
  for (const answer of broken) {
    for (const error of await failures(async () => ({ status: 200, headers: {}, ...answer }))) {
      assert.ok(["transport", "truncated"].includes(error.kind), `${error}`);
    }
  }
});

test("signals that are none, or do less than they should", async () => {
  const plain = { aborted: false, addEventListener() {} };
  const odd = {
    "without a way to stop listening": plain,
    "that throws when listened to": { ...plain, addEventListener() { throw new Error("listen"); } },
    "that throws when it aborts": { ...plain, addEventListener: (_, listener) => setTimeout(listener, 5), get reason() { throw 1; } },
    "that throws when no longer listened to": { ...plain, removeEventListener() { throw new Error("stop"); } },
    "that throws when looked at": { get aborted() { throw new Error("aborted"); }, addEventListener() {} },
    "that is a proxy": new Proxy({}, { get() { throw 1; } }),
    "that is aborted and says why by a throw": { aborted: true, addEventListener() {}, get reason() { throw 1; } },
  };
  for (const [name, signal] of Object.entries(odd)) {
    const tabby = clientOf(async () => Response.json(ANSWER));
    for (const call of [() => tabby.chat.create(ask(), { signal }), () => tabby.chat.stream(ask(), { signal }).final(), () => tabby.models.list({ signal })]) {
      const late = sleep(5000).then(() => assert.fail(`a signal ${name}: the call never ended`));
      await Promise.race([call(), late]).then(() => {}, (error) => assert.ok(error instanceof TabbyError, `a signal ${name}: ${error?.stack ?? error}`));
    }
  }
});

test("a host without `fetch`", async (t) => {
  const { fetch } = globalThis;
  t.after(() => (globalThis.fetch = fetch));
  for (const odd of [undefined, 7, {}]) {
    globalThis.fetch = odd;
    for (const error of await failures(undefined)) assert.equal(error.kind, "transport", String(error));
  }
  for (const error of await failures(7)) assert.equal(error.kind, "transport", String(error));
});

test("nothing of all this was left unhandled", async () => {
  await sleep(50);
  assert.deepEqual(unhandled, []);
});
