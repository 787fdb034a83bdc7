// The entry for TabbyML/tabby: its services, its errors, detection, and the session of an editor, against the emulated server.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import { Tabby } from "../dist/node.js";
import { CompletionSession, TabbyError, TabbyML } from "../dist/tabbyml-node.js";
import { all, emulator, event, events, json, server, sleep } from "./support.mjs";

const TOKEN = "auth_00000000000000000000000000000001";
const REGISTRATION = "00000000-0000-0000-0000-000000000001";
const emulated = (t, ...args) => emulator(t, "--dialect", "tabbyml", ...args);
const withAccounts = async (t, ...args) => {
  const { url, ...rest } = await emulated(t, "--token", TOKEN, "--registration-token", REGISTRATION, ...args);
  return { tabby: new TabbyML({ baseURL: `${url}/`, token: TOKEN, registrationToken: REGISTRATION }), url, ...rest };
};
const segments = { prefix: "def fib(n):\n    ", suffix: "\n", filepath: "fib.py" };
const ask = (text = "Hello") => ({ messages: [{ role: "user", content: text }] });

test("the services answer", async (t) => {
  const { tabby } = await withAccounts(t);
  const completion = await tabby.completions.create({ language: "python", segments, mode: null, debug_options: { return_prompt: true } });
  assert.match(completion.id, /^cmpl-/);
  assert.match(completion.choices[0].text, /^if n < 2/);
  assert.match(completion.debug_data.prompt, /^def fib/);
  assert.equal(completion.mode, "standard");
  assert.equal(await tabby.events.view({ completion_id: completion.id, view_id: "v", elapsed: 1.5 }), undefined);
  assert.equal(await tabby.events.select({ completion_id: completion.id, select_kind: "line" }), undefined);
  assert.equal(await tabby.events.dismiss({ completion_id: completion.id }), undefined);
  const health = await tabby.health.check();
  assert.deepEqual([health.model, health.chat_model, health.webserver], ["mock-completion", "mock-chat", true]);
  assert.deepEqual((await tabby.models.list()).completion, ["mock-completion"]);
  assert.deepEqual(await tabby.serverSetting.get(), { disable_client_side_telemetry: false });
  const added = await tabby.ingestion.add({ source: "my docs/x", id: "1", title: "T", body: "B", ttl: "90d" }).withResponse();
  assert.deepEqual([added.status, added.data.id], [202, "1"]);
  assert.equal(await tabby.ingestion.delete("my docs/x", "../1"), undefined);
  assert.equal(await tabby.ingestion.deleteSource("my docs/x"), undefined);
  assert.equal(await tabby.detect(), "tabbyml");
});

test("requests have the paths and tokens of their operations", async (t) => {
  const seen = await server(t, (request, response) => (request.method === "GET" ? json(response, 404, {}) : response.writeHead(202).end()));
  const tabby = new TabbyML({ baseURL: `${seen.url}/prefix`, token: "user", registrationToken: "registration" });
  await tabby.events.select({ completion_id: "cmpl-1", select_kind: "line", elapsed: 2.6 });
  await tabby.events.log({ type: "view", completion_id: "cmpl-1", select_kind: "line" });
  await tabby.ingestion.delete("my docs/x", "..1");
  // Hosts would take them for steps in the path.
  for (const id of [".", "..", ""]) {
    await assert.rejects(tabby.ingestion.delete("my docs", id), { kind: "encode", code: "invalid_request" });
    await assert.rejects(tabby.ingestion.deleteSource(id), { code: "invalid_request" });
  }
  const [select, view, removed] = seen.seen;
  assert.deepEqual([select.url, select.body], ["/prefix/v1/events?select_kind=line", { choice_index: 0, completion_id: "cmpl-1", elapsed: 3, type: "select" }]);
  assert.deepEqual([view.url, view.headers.authorization], ["/prefix/v1/events", "Bearer user"]);
  assert.deepEqual([removed.url, removed.headers.authorization], ["/prefix/v1beta/ingestion/my%20docs%2Fx/..1", "Bearer registration"]);
  assert.ok(seen.seen.every(({ headers }) => !("x-api-key" in headers) && !("x-admin-key" in headers)));
});

test("tokens come from a function, too", async (t) => {
  const { url } = await withAccounts(t);
  const wanted = [];
  const getToken = ({ kind, rejected }) => {
    wanted.push([kind, rejected]);
    return kind === "registration" ? REGISTRATION : rejected ? { token: TOKEN, expiresIn: 60_000 } : "old";
  };
  const tabby = new TabbyML({ baseURL: url, getToken });
  await tabby.health.check();
  await tabby.ingestion.deleteSource("s");
  assert.deepEqual(wanted, [["user", false], ["user", true], ["registration", false]]);
});

test("a conversation is streamed, and added up", async (t) => {
  const { tabby } = await withAccounts(t);
  const stream = tabby.chat.stream(ask());
  const items = await all(stream);
  const text = items.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
  assert.equal(text, "Hello from mock é中😀!");
  const whole = await tabby.chat.create(ask());
  assert.deepEqual(whole, await stream.final());
  assert.equal(whole.choices[0].message.content, text);
  assert.equal(whole.choices[0].finish_reason, "stop");
  const { status, data, attempts } = await tabby.chat.create(ask()).withResponse();
  assert.deepEqual([status, data.object, attempts.length], [200, "chat.completion", 1]);
});

test("what the server does instead of answering has a code", async (t) => {
  const { tabby, url } = await withAccounts(t);
  await assert.rejects(tabby.chat.create(ask("MOCK:500")), { kind: "truncated", code: "empty_stream" });
  await assert.rejects(all(tabby.chat.stream(ask("MOCK:500"))), { code: "empty_stream" });
  await assert.rejects(tabby.chat.create(ask("MOCK:cut")), (error) => {
    assert.equal(error.code, "stream_restarted");
    assert.equal(error.partial.choices[0].message.content, "Hello from");
    return true;
  });
  await assert.rejects(tabby.completions.create({}), { status: 400, code: "bad_request" });
  await assert.rejects(tabby.completions.create({ language: 5, segments }), (error) => {
    assert.deepEqual([error.code, error.validation[0].loc], ["validation_failed", ["body", "language"]]);
    return true;
  });
  await assert.rejects(tabby.chat.create({}), { code: "validation_failed" });
  const stranger = new TabbyML({ baseURL: url });
  await assert.rejects(stranger.health.check(), { status: 401, code: "unauthorized" });
  await assert.rejects(new TabbyML({ baseURL: url, token: TOKEN }).ingestion.deleteSource("s"), { code: "unauthorized" });
  const limited = await withAccounts(t, "--rate-limit", "1");
  await limited.tabby.models.list();
  const refused = await limited.tabby.withOptions({ maxRetries: 0 }).models.list().catch((error) => error);
  assert.ok(refused instanceof TabbyError);
  assert.deepEqual([refused.status, refused.code], [429, "rate_limited"]);
});

test("a server without accounts or models says what is missing", async (t) => {
  const { url } = await emulated(t, "--no-webserver", "--no-models");
  const tabby = new TabbyML({ baseURL: url });
  assert.equal((await tabby.health.check()).model ?? null, null);
  await assert.rejects(tabby.completions.create({ segments }), { status: 501, code: "no_completion_model" });
  await assert.rejects(tabby.chat.create(ask()), { status: 501, code: "no_chat_model" });
  await assert.rejects(tabby.graphql.me(), { status: 307, code: "not_found" });
});

test("GraphQL gives its fields, and its errors are errors", async (t) => {
  const { tabby, url } = await withAccounts(t);
  assert.equal((await tabby.graphql.me()).email, "owner@example.com");
  assert.deepEqual(await tabby.graphql.repositories(), []);
  assert.equal((await tabby.graphql.query("{me{id}}")).me.id, "E16n1q");
  await assert.rejects(tabby.graphql.ingestionStatus(), { status: 200, code: "forbidden" });
  await assert.rejects(tabby.graphql.query("query { nope }"), { status: 400, code: "bad_request" });
  const { accessToken } = await tabby.graphql.signIn({ email: "owner@example.com", password: "secret" });
  assert.deepEqual(await new TabbyML({ baseURL: url, token: accessToken }).graphql.ingestionStatus(), []);
});

test("chat of old servers has another path", async (t) => {
  const { url, seen } = await server(t, (request, response) => {
    if (request.url !== "/v1beta/chat/completions") return response.writeHead(404).end();
    events(response);
    response.end(event({ id: "a", choices: [{ index: 0, delta: { content: "x" }, finish_reason: "stop" }] }));
  });
  const tabby = new TabbyML({ baseURL: url, maxRetries: 0 });
  assert.equal((await tabby.chat.create(ask())).choices[0].message.content, "x");
  assert.deepEqual(seen.map((request) => request.url), ["/v1/chat/completions", "/v1beta/chat/completions"]);
  await assert.rejects(tabby.completions.create({ segments }), { status: 404, code: "not_found" });
});

test("the server that is there is recognized", async (t) => {
  const { url } = await emulator(t);
  assert.equal(await new TabbyML({ baseURL: url }).detect(), "tabbyapi");
  const page = await server(t, (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html></html>"));
  assert.equal(await new TabbyML({ baseURL: page.url }).detect(), "other");
  const silent = await server(t, (_, response) => response.writeHead(401).end());
  assert.equal(await new TabbyML({ baseURL: silent.url, token: "x" }).detect(), "tabbyml");
  const nothing = new TabbyML({ baseURL: "http://127.0.0.1:9", maxRetries: 0 });
  await assert.rejects(nothing.detect(), { kind: "connect" });
  // Both clients go on beside each other, each on its module.
  await new Tabby({ baseURL: url, apiKey: "emulator-api-key" }).models.list();
});

test("streams of other shapes are read, or end with an error", async (t) => {
  const role = (text) => ({ id: "a", choices: [{ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }] });
  const piece = (text, finish_reason = null) => ({ id: "a", choices: [{ index: 0, delta: { content: text, role: null, tool_calls: null }, finish_reason }] });
  const scripts = {
    "/done/v1/chat/completions": [role(""), piece("x"), piece(null, "stop"), "[DONE]"],
    "/again/v1/chat/completions": [role("x"), piece("y"), role("x")],
    "/unfinished/v1/chat/completions": [role(""), piece("x")],
    "/roles/v1/chat/completions": [role("x"), role("y"), piece("z", "stop")],
  };
  const { url } = await server(t, (request, response) => {
    events(response);
    for (const item of scripts[request.url]) response.write(event(item));
    response.end();
  });
  const outcome = async (path) => {
    const tabby = new TabbyML({ baseURL: `${url}/${path}` });
    return tabby.chat.create(ask()).then(({ choices }) => choices[0].message.content, ({ code, partial }) => [code, partial.choices[0].message.content]);
  };
  assert.equal(await outcome("done"), "x");
  assert.deepEqual(await outcome("again"), ["stream_restarted", "xy"]);
  assert.deepEqual(await outcome("unfinished"), ["truncated", "x"]);
  assert.equal(await outcome("roles"), "xyz");
});

test("a chat whose connection is lost keeps its text", async (t) => {
  const piece = { id: "a", choices: [{ index: 0, delta: { content: "Hello" }, finish_reason: null }] };
  const { url } = await server(t, (request, response) => {
    events(response);
    response.write(event(piece), () => response.socket.destroy());
  });
  const tabby = new TabbyML({ baseURL: url });
  const lost = (error) => {
    assert.deepEqual([error.kind, error.code, error.partial.choices[0].message.content], ["truncated", "connection_lost", "Hello"]);
    return true;
  };
  await assert.rejects(tabby.chat.create(ask()), lost);
  await assert.rejects(tabby.chat.create(ask()).withResponse(), lost);
  await assert.rejects(tabby.chat.stream(ask()).final(), lost);
});

test("a session decides, and the client does", async (t) => {
  const { tabby, seen } = await withAccounts(t);
  const session = await CompletionSession.open({ debounce: 200 });
  const cursor = { language: "python", filepath: "fib.py", prefix: "def fib(n):\n    i", suffix: "\n" };
  session.edit(0, { ...cursor, prefix: cursor.prefix.slice(0, -1) });
  assert.deepEqual(session.poll(0), { type: "wait", until: 200 });
  session.edit(150, cursor);
  const { type, id, request } = session.poll(350);
  assert.deepEqual([type, request.segments.prefix], ["send", cursor.prefix]);
  // Another answer than the user has begun to type is nothing to show.
  session.answered(360, id, { id: "cmpl-7", choices: [{ index: 0, text: "f n < 2: return '😀' + str(n)" }] });
  assert.deepEqual(session.poll(360), { type: "show", suggestion: { text: "f n < 2: return '😀' + str(n)", replace: 0, completion_id: "cmpl-7" } });
  session.shown(370);
  const { event: view } = session.poll(370);
  assert.deepEqual(view, { type: "view", completion_id: "cmpl-7", choice_index: 0, view_id: "view-7-at-370" });
  await tabby.events.log(view);
  session.edit(400, { ...cursor, prefix: `${cursor.prefix}f n` });
  assert.equal(session.poll(400).suggestion.text, " < 2: return '😀' + str(n)");
  // Up to the end of a character of two units.
  session.accepted(500, " < 2: return '😀".length);
  const { event: part } = session.poll(500);
  assert.deepEqual([part.type, part.select_kind, part.elapsed], ["select", "line", 130]);
  await tabby.events.log(part);
  await seen("/v1/events?select_kind=line");
  assert.equal(session.suggestion.text, "' + str(n)");
  session.dismissed(600);
  const actions = [];
  for (let action; (action = session.poll(600)).type !== "wait"; ) actions.push(action.type);
  assert.deepEqual(actions, ["report", "hide"]);
  assert.equal(session.poll(600).until, Infinity);
  session.close();
  assert.throws(() => session.poll(700), { code: "misuse" });
  await assert.rejects(CompletionSession.open({ debounce: -1 }), (error) => error.kind === "misuse" && error instanceof TabbyError);
});

test("a real completion goes through a session, is cancelled, and a refusal pauses it", async (t) => {
  const { tabby } = await withAccounts(t);
  const session = await CompletionSession.open({ debounce: 0 });
  const cursor = (prefix) => ({ language: "python", filepath: "fib.py", prefix, suffix: "\n" });
  session.trigger(0, cursor(segments.prefix));
  const first = session.poll(0);
  session.answered(30, first.id, await tabby.completions.create(first.request));
  assert.match(session.poll(30).suggestion.text, /^if n < 2/);
  session.edit(50, cursor("other"));
  const actions = [session.poll(50), session.poll(50)];
  assert.deepEqual(actions.map(({ type }) => type), ["hide", "send"]);
  session.edit(60, cursor("other t"));
  assert.deepEqual(session.poll(60), { type: "cancel", id: actions[1].id });
  const again = session.poll(60);
  session.failed(70, again.id, new TabbyError({ code: "rate_limited", message: "no" }));
  session.edit(80, cursor("other te"));
  assert.deepEqual(session.poll(80), { type: "wait", until: 30_070 });
  const trimmed = session.trim({ prefix: "x\n".repeat(50), suffix: "y", declarations: [{ filepath: "a", body: "b" }] });
  assert.deepEqual([trimmed.prefix.length <= 40, trimmed.declarations.length], [true, 1]);
  session.close();
});

test("require gives the same", async (t) => {
  const { url } = await withAccounts(t);
  for (const file of ["../dist/tabbyml-node.cjs", "../dist/tabbyml-inline.cjs"]) {
    const { TabbyML: Client } = createRequire(import.meta.url)(file);
    assert.equal((await new Client({ baseURL: url, token: TOKEN }).health.check()).device, "cpu");
  }
  await sleep(0);
});
