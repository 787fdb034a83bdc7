// Whole calls: retries, deadlines, keys, errors, hooks, services, and what survives a trap.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { ready } from "../dist/load.js";
import { Tabby, TabbyError, init } from "../dist/node.js";
import { readDocument, servicesOf } from "../generate/document.mjs";
import { ADMIN_KEY, API_KEY, ask, chunk, emulator, event, events, json, server, sleep } from "./support.mjs";

const list = { object: "list", data: [{ id: "alpha", object: "model" }] };

test("the services answer", async (t) => {
  const { url } = await emulator(t, "--kobold");
  const tabby = new Tabby({ baseURL: `${url}/v1/`, apiKey: API_KEY, adminKey: ADMIN_KEY });
  assert.deepEqual((await tabby.models.list()).data.map(({ id }) => id), ["alpha-7B-exl3", "beta-3B-exl3"]);
  assert.equal((await tabby.models.list({ preferAdminKey: false })).data.length, 1);
  assert.equal((await tabby.models.current()).id, "alpha-7B-exl3");
  assert.ok((await tabby.models.props()).default_generation_settings.n_ctx > 0);
  assert.equal((await tabby.models.drafts()).data[0].id, "tiny-draft");
  assert.ok((await tabby.embeddingModels.list()).data.length > 1);
  assert.ok((await tabby.embeddingModels.current()).id);
  assert.ok(Array.isArray((await tabby.loras.list()).data));
  assert.ok(Array.isArray((await tabby.loras.active()).data));
  assert.ok(Array.isArray((await tabby.templates.list()).data));
  assert.equal((await tabby.health.check()).status, "healthy");
  assert.equal((await tabby.health.serviceInfo()).software.name, "TabbyAPI");
  assert.equal((await tabby.health.waitUntilReady({ timeout: 1000 })).id, "alpha-7B-exl3");
  assert.equal(await tabby.auth.permission(), "api");
  const { tokens } = await tabby.tokens.encode("hello world");
  assert.equal(await tabby.tokens.count("hello world"), tokens.length);
  assert.match((await tabby.tokens.decode(tokens)).text, /hello world/);
  assert.equal(await tabby.sampling.setOverrides({ temperature: { override: 0.5, force: false } }), undefined);
  assert.ok(await tabby.sampling.overrides());
  assert.equal(await tabby.sampling.unload(), undefined);
  assert.ok((await tabby.completions.create({ prompt: "Once", max_tokens: 8 })).choices[0].text);
  assert.ok((await tabby.completions.stream({ prompt: "Once", max_tokens: 8 }).finalMessage()).choices[0].text);
  assert.ok((await tabby.kobold.version()).result);
  assert.deepEqual([await tabby.kobold.softPrompts(), await tabby.kobold.softPrompt(), await tabby.kobold.setSoftPrompt("any")], [{ values: [] }, { value: "" }, undefined]);
  assert.equal(await tabby.models.unload(), undefined);
  await assert.rejects(tabby.models.current(), { code: "no_model_loaded", status: 503, hint: "load one with `tabby.models.load(...)`" });
});

test("each operation of the server is a method", () => {
  const tabby = new Tabby({ baseURL: "http://127.0.0.1:1" });
  const names = servicesOf(readDocument()).flatMap(({ accessor, operations }) => operations.map(({ method }) => [accessor, method]));
  assert.ok(names.length > 0);
  for (const [service, method] of names) assert.equal(typeof tabby[service]?.[method], "function", `${service}.${method}`);
});

test("vectors are Float32Arrays in the order of the texts, both ways of writing", async (t) => {
  const { url } = await emulator(t);
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY });
  const [base64, floats] = await Promise.all(
    ["base64", "float"].map((encoding_format) => tabby.embeddings.create({ input: ["a", "b"], encoding_format })),
  );
  assert.ok(base64.data[1].embedding instanceof Float32Array);
  assert.deepEqual(base64.data[1].embedding, floats.data[1].embedding);
  assert.deepEqual(base64.data.map(({ index }) => index), [0, 1]);
  await assert.rejects(tabby.embeddings.create({ input: [] }), { code: "no_input" });
});

test("errors say what happened, where, and what to do", async (t) => {
  const { url } = await emulator(t);
  const wrong = new Tabby({ baseURL: url, apiKey: "wrong" });
  await assert.rejects(wrong.models.list(), (error) => {
    assert.ok(error instanceof TabbyError && error instanceof Error);
    assert.equal(error.name, "TabbyError");
    assert.deepEqual([error.code, error.status, error.retryable, error.kind], ["invalid_key", 401, false, "server"]);
    assert.match(error.message, /^GET http:.*\/v1\/models: the server answered 401/);
    assert.equal(error.attempts.length, 1);
    assert.equal(error.headers.get("content-type"), "application/json");
    assert.ok(!JSON.stringify(error).includes("wrong"), "no key shows");
    return true;
  });
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY, adminKey: ADMIN_KEY });
  await assert.rejects(tabby.templates.switch("nowhere"), (error) => error.code === "unknown_template" && !!error.hint);
  await assert.rejects(tabby.chat.create({ messages: [], temperature: 11 }), (error) => {
    assert.deepEqual([error.code, error.status], ["validation_failed", 422]);
    assert.ok(error.validation.some(({ loc }) => loc.includes("temperature")));
    return true;
  });
  await assert.rejects(tabby.completions.stream({ prompt: "Once" }).finalMessage(), (error) => /set `max_tokens`/.test(error.hint));
  assert.throws(() => new Tabby({}), { code: "misuse" });
  await assert.rejects(new Tabby({ baseURL: "localhost:5000" }).models.list(), /write `http:\/\/localhost:5000`/);
  await assert.rejects(new Tabby({ baseURL: url, apiKey: "a\nb" }).models.list(), { kind: "config" });
});

test("an answer of another shape is an error that says where", async (t) => {
  const vector = (embedding) => JSON.stringify({ data: [{ index: 0, embedding }] });
  const chat = (tabby) => tabby.chat.create(ask());
  const embed = (tabby) => tabby.embeddings.create({ input: "a" });
  const wrong = [
    [chat, '{"choices":5}', "choices"],
    [(tabby) => tabby.completions.create({ prompt: "a" }), '{"choices":"a"}', "choices"],
    [(tabby) => tabby.kobold.generate({ prompt: "a" }), '{"results":5}', "results"],
    [(tabby) => tabby.models.list(), '{"data":7}', "data"],
    [(tabby) => tabby.loras.list({ preferAdminKey: false }), '{"data":""}', "data"],
    [(tabby) => tabby.tokens.count("a"), '{"tokens":["a"]}', "tokens"],
    [embed, vector([1, null]), /holds null, which is not a number$/],
    [embed, vector("AAAA"), /3 bytes are not a whole number of 32-bit floats$/],
  ];
  const right = [
    [chat, '{"choices":[{"message":{"tool_calls":[{"function":{"name":5,"arguments":{"a":1}}}]}},null]}', { choices: [{ message: { tool_calls: [{ function: { name: "5", arguments: '{"a":1}' } }] } }] }],
    [chat, '{"choices":[{"message":"a"}]}', { choices: [{ message: {} }] }],
    [(tabby) => tabby.completions.create({ prompt: "a" }), '{"choices":[{"index":-1,"text":["a","b"]}]}', { choices: [{ text: "ab" }] }],
    [chat, '{"choices":[{"message":null}]}', { choices: [{ message: {} }] }],
    [(tabby) => tabby.models.list(), '{"data":null,"object":"list"}', { data: [], object: "list" }],
    [(tabby) => tabby.tokens.count("a"), '{"tokens":[1,2]}', 2],
  ];
  const bodies = [...wrong, ...right].map(([, body]) => body);
  const { url } = await server(t, (_, response, count) => response.writeHead(200, { "content-type": "application/json" }).end(bodies[count - 1]));
  const outcomes = [];
  const tabby = new Tabby({ baseURL: url, onOutcome: ({ ok, status }) => outcomes.push([ok, status]) });
  for (const [call, body, where] of wrong) {
    await assert.rejects(call(tabby), (error) => {
      assert.ok(error instanceof TabbyError, `${body}: ${error}`);
      assert.deepEqual([error.kind, error.status, error.attempts.length, error.outcome.status], ["decode", 200, 1, 200], body);
      if (typeof where === "string") {
        assert.deepEqual([error.code, error.path], ["unexpected_json", where]);
        assert.ok(error.message.startsWith(`${error.method} ${error.url}: the answer could not be read: \`${where}\` is not a `), error.message);
      } else {
        assert.equal(error.code, "inconsistent_answer");
        assert.match(error.message, where);
      }
      return true;
    });
  }
  for (const [call, body, value] of right) assert.deepEqual(await call(tabby), value, body);
  // In place of a stream, too.
  const whole = [
    ["choices", (tabby) => tabby.chat.stream(ask())],
    ["choices", (tabby) => tabby.completions.stream({ prompt: "a", max_tokens: 9 })],
    ["results", (tabby) => tabby.kobold.stream({ prompt: "a" })],
  ];
  const { url: other } = await server(t, (_, response) => json(response, 200, { choices: 5, results: 5 }));
  for (const [path, stream] of whole) {
    await assert.rejects(stream(new Tabby({ baseURL: other })).final(), { name: "TabbyError", code: "unexpected_json", status: 200, path });
  }
  assert.deepEqual(outcomes, bodies.map((_, at) => [at >= wrong.length, 200]));
});

test("no connection, no answer, a redirect", async (t) => {
  const nobody = await server(t, () => {});
  const gone = new Tabby({ baseURL: "http://127.0.0.1:1", maxRetries: 0 });
  // `fetch` itself refuses some ports; this one has nobody behind it.
  await assert.rejects(gone.models.list(), (error) => error.kind === "connect" || error.kind === "transport");
  const closed = await server(t, (request) => request.socket.destroy());
  await assert.rejects(new Tabby({ baseURL: closed.url, maxRetries: 0 }).models.list(), (error) => {
    assert.deepEqual([error.kind, error.retryable], ["transport", true]);
    assert.ok(error.cause instanceof Error);
    return true;
  });
  const slow = new Tabby({ baseURL: nobody.url, maxRetries: 0, timeoutPolicy: { read: { head: 60 } } });
  const began = Date.now();
  await assert.rejects(slow.models.list(), (error) => {
    assert.deepEqual([error.code, error.phase, error.kind], ["timeout_head", "head", "timeout"]);
    // By its name in JavaScript.
    assert.equal(error.hint, "raise `timeouts.head` if such waits are expected");
    assert.equal(error.message, `GET ${nobody.url}/v1/models: no response within 60ms; ${error.hint}`);
    return true;
  });
  // For every kind of work, unless there is one of its own; and for a single call.
  for (const [own, single] of [[{ timeouts: { head: 60 } }], [{ timeouts: { head: 1e6 }, timeoutPolicy: { read: { head: 60 } } }], [{}, { timeouts: { head: 60 } }]]) {
    const client = new Tabby({ baseURL: nobody.url, maxRetries: 0, ...own });
    await assert.rejects(client.models.list(single), { code: "timeout_head" });
  }
  assert.ok(Date.now() - began < 30_000);
  const away = await server(t, (_, response) => response.writeHead(307, { location: "http://127.0.0.1:9/" }).end());
  await assert.rejects(new Tabby({ baseURL: away.url }).models.list(), { code: "redirect", status: 307 });
  assert.equal(away.seen.length, 1);
});

test("a timeout bounds what is waited for, and no stream that goes on", async (t) => {
  const { url } = await server(t, async (request, response) => {
    if (request.url === "/v1/models") return;
    if (request.url === "/v1/download") {
      // The head at once, then a body that goes on and on.
      response.writeHead(200, { "content-type": "application/json" });
      for (let at = 0; at < 40; at++) {
        response.write(" ".repeat(2048));
        await sleep(50);
      }
      return;
    }
    if (request.url === "/v1/model") return json(response, 503, { detail: "busy" }, { "retry-after": "30" });
    events(response);
    if (request.url === "/v1/completions") {
      for (let at = 0; at < 8; at++) {
        response.write(event({ choices: [{ index: 0, text: "a", finish_reason: at === 7 ? "stop" : null }] }));
        await sleep(60);
      }
      return response.end(event("[DONE]"));
    }
    for (let at = 0; at < 40; at++) {
      response.write(": ping\r\n\r\n");
      await sleep(50);
    }
  });
  const tabby = new Tabby({ baseURL: url, timeout: 250, timeouts: { head: Infinity } });
  const began = Date.now();
  const late = async (call, code, phase) =>
    assert.rejects(call, (error) => {
      assert.deepEqual([error.kind, error.code, error.phase], ["timeout", code, phase]);
      assert.match(error.message, / within 250ms; /);
      assert.match(error.hint, /raise `timeout` if /);
      return true;
    });
  await late(tabby.models.list(), "timeout_head", "head");
  await late(tabby.models.download({ repo_id: "a/b" }), "timeout_total", "total");
  await late(tabby.chat.stream(ask()).finalMessage(), "timeout_first_item", "first_item");
  await late(tabby.models.load({ model_name: "a" }).finalReport(), "timeout_first_item", "first_item");
  // There is no time for the server's half a minute.
  await assert.rejects(tabby.models.current(), { status: 503 });
  assert.ok(Date.now() - began < 3000, `${Date.now() - began} ms`);
  const stream = tabby.completions.stream({ prompt: "x", max_tokens: 10 });
  assert.equal((await stream.finalMessage()).choices[0].text, "aaaaaaaa");
  // Of a call, and taken back by its timeouts or by `Infinity`.
  const patient = new Tabby({ baseURL: url });
  await late(patient.models.list({ timeout: 250 }), "timeout_head", "head");
  for (const own of [{ timeouts: { head: 400 } }, { timeouts: { head: 400 }, timeout: Infinity }]) {
    await assert.rejects(tabby.models.list(own), { code: "timeout_head", hint: "raise `timeouts.head` if such waits are expected" });
  }
});

test("what can be tried again is, and hooks see it", async (t) => {
  const { url, seen } = await server(t, (_, response, count) =>
    count < 3 ? json(response, 503, { detail: "busy" }, { "retry-after": "0" }) : json(response, 200, list),
  );
  const attempts = [];
  const outcomes = [];
  const tabby = new Tabby({ baseURL: url, retry: { base: 1 }, onAttempt: (a) => attempts.push(a.attempt), onOutcome: (o) => outcomes.push(o) });
  const { data, status, attempts: made } = await tabby.models.list().withResponse();
  assert.equal(data.data[0].id, "alpha");
  assert.equal(status, 200);
  assert.deepEqual(made.map((attempt) => attempt.status), [503, 503, 200]);
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual([outcomes.length, outcomes[0].ok, outcomes[0].attempt_count, seen.length], [1, true, 3, 3]);
});

test("a generation is not sent twice", async (t) => {
  const { url, seen } = await server(t, (_, response) => json(response, 502, {}));
  await assert.rejects(new Tabby({ baseURL: url }).chat.create(ask()), { status: 502 });
  assert.equal(seen.length, 1);
});

test("one key is got for all calls, and another one when it is refused", async (t) => {
  const { url, seen } = await server(t, (request, response) =>
    request.headers["x-api-key"] === "good" ? json(response, 200, list) : json(response, 401, { detail: "Invalid API key" }),
  );
  const asked = [];
  const getKey = async (wanted) => {
    asked.push(wanted);
    await sleep(20);
    return wanted.rejected ? "good" : "old";
  };
  const tabby = new Tabby({ baseURL: url, getKey });
  await Promise.all([tabby.models.current().catch(() => {}), tabby.models.props().catch(() => {}), tabby.models.list({ preferAdminKey: false })]);
  assert.deepEqual(asked, [{ server: url, scope: "api", rejected: false }, { server: url, scope: "api", rejected: true }]);
  assert.ok(seen.length <= 6);
  const failing = new Tabby({ baseURL: url, getKey: () => Promise.reject(new Error("no vault")) });
  await assert.rejects(failing.models.list({ preferAdminKey: false }), { kind: "credentials", message: /no vault/ });
});

test("the admin key is sent where an API key would do, for inline loading, by client and by call", async (t) => {
  const { url } = await emulator(t, "--inline-loading", "--model", "alpha", "--model", "beta");
  const keys = { baseURL: url, apiKey: API_KEY, adminKey: ADMIN_KEY };
  const other = { ...ask(), model: "beta" };
  const tabby = new Tabby(keys);
  await assert.rejects(tabby.chat.create(other), (error) => {
    assert.deepEqual([error.status, error.code], [401, "missing_key"]);
    assert.match(error.hint, /send it with `preferAdminKey`, or leave `model` out/);
    return true;
  });
  assert.equal(await tabby.auth.permission(), "api");
  assert.equal(await tabby.auth.permission({ preferAdminKey: true }), "admin");
  assert.match((await tabby.chat.create(other, { preferAdminKey: true })).choices[0].message.content, /Echo/);
  assert.equal((await tabby.models.current()).id, "beta");
  // Of a client, streamed, and taken back by a call.
  const admin = new Tabby({ ...keys, preferAdminKey: true });
  await admin.chat.stream({ ...ask(), model: "alpha" }).finalMessage();
  assert.equal((await tabby.models.current()).id, "alpha");
  await assert.rejects(admin.completions.stream({ prompt: "x", max_tokens: 5, model: "beta" }, { preferAdminKey: false }).finalMessage(), { status: 401 });
  await admin.completions.create({ prompt: "x", max_tokens: 5, model: "beta" });
  assert.equal((await admin.models.current()).id, "beta");
  // What gives keys is asked for one that is good for lists, too.
  const scopes = [];
  const getKey = ({ scope }) => (scopes.push(scope), ({ apiKey: scope === "api" ? API_KEY : ADMIN_KEY }));
  const asking = new Tabby({ baseURL: url, getKey });
  await asking.chat.create({ ...ask(), model: "alpha" }, { preferAdminKey: true });
  assert.deepEqual(scopes, ["prefer_admin"]);
});

test("requests have the wire's names, one key, and no more", async (t) => {
  const { url, seen } = await server(t, (_, response) => json(response, 200, { choices: [] }));
  const tabby = new Tabby({ baseURL: `${url}/behind/v1`, apiKey: "k", headers: { "x-team": "a" } });
  await tabby.chat.create({ ...ask("é"), stream: true, extra: 1 }, { headers: { "x-team": "b" } });
  const [{ url: path, headers, body }] = seen;
  assert.equal(path, "/behind/v1/chat/completions");
  assert.deepEqual([headers["x-api-key"], headers["x-team"], headers["content-type"]], ["k", "b", "application/json"]);
  assert.deepEqual(body, { stream_options: { include_usage: true }, ...ask("é"), extra: 1 });
});

test("a fetch of one's own, without signals or streams", async () => {
  const own = async (url) => new Response(JSON.stringify(list), { headers: { "content-type": "application/json", "x-url": url } });
  const { headers } = await new Tabby({ baseURL: "http://tabby.test", fetch: own }).models.list().withResponse();
  assert.equal(headers.get("x-url"), "http://tabby.test/v1/models");
});

test("after a trap the next call works, and the error names it", async (t) => {
  const { url } = await server(t, (request, response) => {
    if (request.method === "GET") return json(response, 200, list);
    events(response);
    response.write(event(chunk({ content: "a" })));
  });
  const tabby = new Tabby({ baseURL: url });
  await tabby.models.list();
  const stream = tabby.chat.stream(ask());
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  const abi = await ready();
  // More memory than there can be.
  assert.throws(() => abi.chunk(0, 0, { length: 2 ** 32 - 16 }), (error) => error.code === "trapped" && error.cause instanceof WebAssembly.RuntimeError);
  assert.equal(abi.dead, true);
  assert.equal((await tabby.models.list()).data[0].id, "alpha");
  assert.notEqual(await ready(), abi);
  await items.return();
});

test("a module of one's own, and a wrong one", async () => {
  const wrong = [new Uint8Array([1, 2, 3]), new Uint8Array([0, 0x61, 0x73, 0x6d, 9]), new ArrayBuffer(0), 7, null, {}, { then: (_, reject) => reject(new Error("no disk")) }, "http://127.0.0.1:1/m.wasm"];
  wrong.push(new Response("<html>"), new Response("<html>", { headers: { "content-type": "application/wasm" } }), new Response("", { status: 404 }));
  for (const module of wrong) {
    await assert.rejects(init({ module }), (error) => error instanceof TabbyError && error.code === "module_unavailable" && /"tabbyapi\/inline"/.test(error.hint), String(module));
  }
  const other = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  await assert.rejects(init({ module: other }), (error) => error.code === "module_unavailable" && /version differs/.test(error.message) && /came with/.test(error.hint));
  await init({ module: await readFile(new URL("../dist/tabbyapi.wasm", import.meta.url)) });
});

test("memory does not grow over many streams", async (t) => {
  const body = Array.from({ length: 50 }, (_, at) => event(chunk({ content: `${at}` }))).join("") + event("[DONE]");
  const own = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const tabby = new Tabby({ baseURL: "http://tabby.test", fetch: own });
  const run = async (count) => {
    for (let at = 0; at < count; at++) await tabby.chat.stream(ask()).finalMessage();
  };
  await run(200);
  const abi = await ready();
  const before = abi.memoryBytes;
  await run(2000);
  assert.equal(abi.memoryBytes, before);
  assert.equal(abi.flows.size, 0);
});

test("a connection that answered with a 5xx is not used again", async (t) => {
  // As the real server: it says nothing of it, and closes a little later.
  const { url } = await server(t, async (request, response, count) => {
    await sleep(2);
    if (count % 3 !== 0) return json(response, 200, { choices: [{ message: { content: "a" } }] });
    json(response, 500, { detail: "no" });
    setTimeout(() => request.socket.destroy(), 30);
  });
  const tabby = new Tabby({ baseURL: url, maxRetries: 0 });
  const codes = new Set();
  const user = async () => {
    for (let at = 0; at < 60; at++) await tabby.chat.create(ask()).then(() => codes.add("ok"), ({ code }) => codes.add(code));
  };
  await Promise.all(Array.from({ length: 8 }, user));
  assert.deepEqual([...codes].sort(), ["ok", "server_error"]);
});

test("where connections cannot be closed, calls wait until the server has done it", async (t) => {
  const { url } = await server(t, (request, response, count) => {
    if (count % 2 === 0) return json(response, 200, { choices: [{ message: { content: "a" } }] });
    json(response, 500, { detail: "no" });
    setTimeout(() => request.socket.destroy(), 45);
  });
  // In a program of its own, which loads another entry.
  const script = `
    import { Tabby } from ${JSON.stringify(new URL("../dist/inline.js", import.meta.url).href)};
    const tabby = new Tabby({ baseURL: ${JSON.stringify(url)}, maxRetries: 0 });
    const codes = [];
    for (let at = 0; at < 8; at++) {
      await tabby.chat.create({ messages: [] }).then(() => codes.push("ok"), ({ code }) => codes.push(code));
      if (at % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 43));
    }
    console.log(JSON.stringify(codes));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [[out]] = await Promise.all([once(child.stdout, "data"), once(child, "exit")]);
  assert.deepEqual(JSON.parse(out), Array.from({ length: 8 }, (_, at) => (at % 2 ? "ok" : "server_error")));
});

test("hints name what there is in JavaScript, and leave the server's words alone", async () => {
  const answer = (status, body) => new Tabby({ baseURL: "http://tabby.test", maxRetries: 0, fetch: async () => Response.json(body, { status }) });
  const refused = (status, body) => answer(status, body).models.list().then(() => assert.fail(), (error) => error);
  const missing = await refused(401, { detail: "Please provide an `api_key` for `client.models()`" });
  assert.match(missing.message, /Please provide an `api_key` for `client.models\(\)`/);
  assert.ok(missing.hint.includes("`apiKey`") && missing.hint.includes("`adminKey`"), missing.hint);
  assert.ok(missing.message.endsWith(missing.hint));
  const words = [[401, "Please provide"], [503, "No models are currently loaded."], [503, "No embedding models are loaded"], [422, "prompt template is not set"], [400, "Failed to fetch image"], [400, "Could not find the model path"], [400, "Sampler override file named"]];
  for (const [status, detail] of words) {
    const { hint } = await refused(status, { detail });
    assert.doesNotMatch(hint ?? "", /::|client\.|\(\.\.\)|`[a-z]+_[a-z_]+\(/, hint);
  }
});
