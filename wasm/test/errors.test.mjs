// Errors as programs and people read them: stacks, names, copies; signals; addresses.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { Tabby, TabbyError } from "../dist/node.js";
import { API_KEY, ask, chunk, event, events, json, server } from "./support.mjs";

const clientOf = (url, rest) => new Tabby({ baseURL: url, apiKey: API_KEY, maxRetries: 0, ...rest });
const refusing = (t) => server(t, (_, response) => json(response, 401, { detail: "Invalid API key" }));

/** Runs a program in a process of its own, and gives what it printed. */
async function evaluated(program) {
  const [code, stdout, stderr] = await new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "-e", program], (error, ...out) => resolve([error?.code, ...out]));
  });
  assert.deepEqual([code, stderr], [undefined, ""]);
  return stdout;
}

test("stacks show who made the call", async (t) => {
  const { url } = await refusing(t);
  const tabby = clientOf(url);
  async function theCaller() {
    return tabby.models.list();
  }
  async function theReader() {
    return tabby.chat.stream(ask()).final();
  }
  async function theLoop() {
    for await (const _ of tabby.chat.stream(ask())) assert.fail();
  }
  for (const [made, at] of [[theCaller, "theCaller"], [theReader, "theReader"], [theLoop, "theLoop"]]) {
    const error = await made().then(assert.fail, (error) => error);
    assert.ok(error.stack.startsWith(`TabbyError [invalid_key]: ${error.message}\n`), error.stack);
    assert.ok(error.stack.includes(at) && error.stack.includes("errors.test.mjs"), error.stack);
    assert.ok(!error.stack.includes("processTicks") || error.stack.indexOf(at) < error.stack.indexOf("processTicks"), error.stack);
  }
});

test("an abort keeps its reason and has the name that programs look for", async (t) => {
  const { url } = await server(t, () => {});
  const tabby = clientOf(url);
  const calls = [(options) => tabby.chat.create(ask(), options), (options) => tabby.chat.stream(ask(), options).final()];
  for (const call of calls) {
    for (const reason of [undefined, "enough", new Error("enough"), { code: 7 }]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 5);
      const error = await call({ signal: controller.signal }).then(assert.fail, (error) => error);
      assert.deepEqual([error.name, error.kind, error.code, error.cause], ["AbortError", "cancelled", "cancelled", controller.signal.reason]);
      assert.ok(error instanceof TabbyError);
    }
    const late = await call({ signal: AbortSignal.timeout(20) }).then(assert.fail, (error) => error);
    assert.deepEqual([late.name, late.kind, late.cause.name], ["TimeoutError", "cancelled", "TimeoutError"]);
    const before = await call({ signal: AbortSignal.abort("early") }).then(assert.fail, (error) => error);
    assert.deepEqual([before.name, before.cause], ["AbortError", "early"]);
  }
});

test("errors as JSON, as copies, and back", async (t) => {
  const { url } = await refusing(t);
  const error = await clientOf(url).models.list().then(assert.fail, (error) => error);
  const written = JSON.parse(JSON.stringify(error));
  assert.deepEqual([written.name, written.message, written.kind, written.code, written.status], ["TabbyError", error.message, "server", "invalid_key", 401]);
  assert.ok(!JSON.stringify(error).includes(API_KEY));
  const copy = structuredClone(error);
  assert.ok(copy instanceof Error && copy.message === error.message && copy.stack.startsWith("TabbyError [invalid_key]: "), copy.stack);
  const back = TabbyError.from(structuredClone(error.toJSON()));
  assert.ok(back instanceof TabbyError);
  assert.deepEqual([back.name, back.message, back.kind, back.code, back.status, back.attempts.length], ["TabbyError", error.message, "server", "invalid_key", 401, 1]);
  for (const odd of [undefined, null, 7, "words", {}]) assert.ok(TabbyError.from(odd).message.length > 0);
});

test("fifty calls on one signal do not make the host warn", async (t) => {
  const { url } = await refusing(t);
  const program = `
    import { Tabby } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url))};
    const { signal } = new AbortController();
    const tabby = new Tabby({ baseURL: "${url}", apiKey: "k", maxRetries: 0 });
    process.on("warning", ({ name }) => { console.log(name); process.exitCode = 1; });
    await Promise.allSettled(Array.from({ length: 50 }, (_, at) => at % 2 ? tabby.models.list({ signal }) : tabby.chat.stream({ messages: [] }, { signal }).final()));
  `;
  assert.equal(await evaluated(program), "");
});

test("a signal ends all of its calls, and those that are over do not hold it", async (t) => {
  const { url } = await server(t, (_, response) => events(response));
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  for (const [name, by] of [["addEventListener", 1], ["removeEventListener", -1]]) {
    const own = signal[name].bind(signal);
    signal[name] = (...args) => ((listeners += by), own(...args));
  }
  const tabby = clientOf(url);
  const calls = Array.from({ length: 5 }, () => tabby.chat.create(ask(), { signal }));
  const left = tabby.chat.create(ask(), { signal, timeouts: { total: 10 } });
  await assert.rejects(left, { kind: "timeout" });
  assert.equal(listeners, 1);
  controller.abort("all");
  for (const call of calls) await assert.rejects(call, { name: "AbortError", cause: "all" });
  assert.equal(listeners, 0);
});

test("addresses may be URLs, and in pages paths", async (t) => {
  const { url, seen } = await refusing(t);
  await assert.rejects(clientOf(new URL("/prefix/", url)).models.list(), { status: 401 });
  assert.equal(seen[0].url, "/prefix/v1/models");
  assert.throws(() => clientOf("/api"), { name: "TabbyError", code: "misuse", message: /only pages have a server of their own/ });
  globalThis.location = { origin: url };
  t.after(() => delete globalThis.location);
  await assert.rejects(clientOf("/api").models.list(), { status: 401 });
  assert.equal(seen[1].url, "/api/v1/models");
  for (const baseURL of [undefined, null, 7, {}]) assert.throws(() => clientOf(baseURL), { name: "TabbyError", code: "misuse" });
});

test("options for fetch are passed on, those of a call before those of the client", async () => {
  const seen = [];
  const fetch = async (_, init) => (seen.push(init), Response.json({ object: "list", data: [] }));
  const tabby = new Tabby({ baseURL: "http://tabby.test", fetch, fetchOptions: { cache: "no-store", dispatcher: 1, method: "PATCH", redirect: "follow" } });
  await tabby.models.list({ fetchOptions: { dispatcher: 2 } });
  await tabby.models.list();
  assert.deepEqual(seen.map(({ method, redirect, cache, dispatcher }) => [method, redirect, cache, dispatcher]), [["GET", "manual", "no-store", 2], ["GET", "manual", "no-store", 1]]);
});

/** Node's own dispatchers, whose class is nowhere else to be had. */
async function dispatcher(options) {
  await fetch("data:,a");
  const { constructor } = globalThis[Symbol.for("undici.globalDispatcher.1")];
  return new constructor(options);
}

test("a limit of the host ends a call as a timeout that names it, and the call is not sent again", async (t) => {
  const { url, seen } = await server(t, (request, response) => {
    if (!request.url.includes("chat")) return;
    events(response);
    response.write(event(chunk({ content: "a" })));
  });
  const impatient = await dispatcher({ headersTimeout: 50, bodyTimeout: 50 });
  const tabby = clientOf(url, { maxRetries: 2, fetchOptions: { dispatcher: impatient } });
  const head = await tabby.embeddings.create({ input: "a" }).then(assert.fail, (error) => error);
  assert.deepEqual([head.name, head.kind, head.code, head.phase, head.cause.cause.code], ["TabbyError", "timeout", "timeout_host", "head", "UND_ERR_HEADERS_TIMEOUT"]);
  assert.match(head.message, /^POST http.*embeddings: the host's time limit for the response head \(`headersTimeout` of undici\) passed before any timeout of the call; /);
  const body = await tabby.chat.stream(ask()).final().then(assert.fail, (error) => error);
  assert.deepEqual([body.code, body.phase, body.status, body.partial.choices[0].message.content], ["timeout_host", "idle", 200, "a"]);
  assert.match(body.message, /`bodyTimeout` of undici/);
  assert.equal(seen.length, 2);
});

test("the dispatcher in force is used, and its limits are those of the call", async (t) => {
  const { url } = await server(t, async (request, response) => {
    await new Promise((resolve) => setTimeout(resolve, 2500));
    json(response, 200, { object: "list", data: [] });
  });
  const inForce = Symbol.for("undici.globalDispatcher.1");
  const seen = [];
  const impatient = await dispatcher({ headersTimeout: 50, bodyTimeout: 50 });
  const own = globalThis[inForce];
  const dispatch = impatient.dispatch.bind(impatient);
  impatient.dispatch = (options, handler) => (seen.push(options.path), dispatch(options, handler));
  globalThis[inForce] = impatient;
  t.after(() => (globalThis[inForce] = own));
  assert.deepEqual((await clientOf(url).models.list()).data, []);
  assert.deepEqual(seen, ["/v1/models"]);
  await assert.rejects(clientOf(url, { timeouts: { head: 30 } }).models.list(), { code: "timeout_head" });
});

test("the limits of the host are set aside from the first call of a program on", async (t) => {
  const { url } = await server(t, (_, response) => json(response, 200, { object: "list", data: [] }));
  const program = `
    import { subscribe } from "node:diagnostics_channel";
    import { Tabby } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url))};
    const limits = [];
    subscribe("undici:request:create", ({ request }) => limits.push(request.headersTimeout, request.bodyTimeout));
    const tabby = new Tabby({ baseURL: "${url}", apiKey: "k" });
    await Promise.all([tabby.models.list(), tabby.models.list()]);
    await tabby.models.list();
    console.log(JSON.stringify(limits));
  `;
  assert.deepEqual(JSON.parse(await evaluated(program)), [0, 0, 0, 0, 0, 0]);
});

test("the words that types list are those of the library, and those of this package", async () => {
  const [code, types] = await Promise.all(["../../src/base/error/code.rs", "../types/index.d.ts"].map((file) => readFile(new URL(file, import.meta.url), "utf8")));
  const union = types.slice(types.indexOf("type ErrorCode ="), types.indexOf("(string & {})", types.indexOf("type ErrorCode =")));
  const words = [...code.matchAll(/ = "([a-z0-9_]+)",/g)].map(([, word]) => word);
  assert.ok(words.length > 50, String(words.length));
  assert.deepEqual(words.filter((word) => !union.includes(`"${word}"`)), []);
});
