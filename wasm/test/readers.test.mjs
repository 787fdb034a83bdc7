// Who reads a stream: one reader, the whole beside it, two by `tee`, and a page behind a route.
import assert from "node:assert/strict";
import http from "node:http";
import { once } from "node:events";
import test from "node:test";
import { Tabby, TabbyError, fromReadableStream } from "../dist/node.js";
import { ADMIN_KEY, API_KEY, all, ask, chunk, emulator, event, events, json, server, sleep } from "./support.mjs";

const text = (items) => items.map((item) => item.choices[0]?.delta?.content ?? item.choices[0]?.text ?? "").join("");
const clientOf = (url, rest) => new Tabby({ baseURL: url, apiKey: API_KEY, maxRetries: 0, ...rest });

/** A server that streams these pieces, a moment apart. */
const streaming = (t, pieces, end = "[DONE]") =>
  server(t, async (_, response) => {
    events(response);
    for (const piece of pieces) {
      response.write(event(chunk({ content: piece })));
      await sleep(2);
    }
    if (end === null) response.destroy();
    else response.end(event(end));
  });

const PIECES = Array.from({ length: 20 }, (_, at) => `${at} `);

test("two readers do not share the items: the second one is refused", async (t) => {
  const { url } = await streaming(t, PIECES);
  const stream = clientOf(url).chat.stream(ask());
  const first = all(stream);
  await assert.rejects(all(stream), { name: "TabbyError", code: "stream_in_use", message: /`tee\(\)`/ });
  const lines = stream.toReadableStream().getReader();
  const { value } = await lines.read();
  assert.equal(JSON.parse(new TextDecoder().decode(value)).error.code, "stream_in_use");
  assert.equal(text(await first), PIECES.join(""));
  // A loop over what was read to its end would see nothing of it.
  await assert.rejects(all(stream), { code: "stream_in_use" });
  assert.equal((await stream.final()).choices[0].message.content, PIECES.join(""));
});

test("the whole beside a loop, asked for before, meanwhile and afterwards", async (t) => {
  const { url } = await streaming(t, PIECES);
  const stream = clientOf(url).chat.stream(ask());
  const before = stream.finalMessage();
  const items = [];
  let meanwhile;
  for await (const item of stream) {
    items.push(item);
    meanwhile ??= stream.final();
  }
  assert.equal(text(items), PIECES.join(""));
  for (const whole of [before, meanwhile, stream.finalMessage()]) assert.equal((await whole).choices[0].message.content, PIECES.join(""));
});

test("the whole beside a loop that is left, or that fails", async (t) => {
  const { url } = await streaming(t, PIECES);
  const left = clientOf(url).chat.stream(ask());
  const whole = left.finalMessage();
  for await (const _ of left) break;
  await assert.rejects(whole, (error) => error.kind === "cancelled" && error.partial.choices[0].message.content === PIECES[0]);
  const cut = await streaming(t, PIECES.slice(0, 3), null);
  const broken = clientOf(cut.url).chat.stream(ask());
  const final = broken.final();
  const [loop, rest] = await Promise.allSettled([all(broken), final]);
  assert.deepEqual([loop.reason.code, rest.reason.code], ["connection_lost", "connection_lost"]);
});

test("two readers by tee: each has all items, whichever is faster", async (t) => {
  const { url } = await streaming(t, PIECES);
  const [one, other] = clientOf(url).chat.stream(ask()).tee();
  const slow = async () => {
    const items = [];
    for await (const item of other) {
      items.push(item);
      await sleep(5);
    }
    return items;
  };
  const [fast, late] = await Promise.all([all(one), slow()]);
  assert.equal(text(fast), PIECES.join(""));
  assert.deepEqual(late, fast);
  const stream = clientOf(url).chat.stream(ask());
  const [left, kept] = stream.tee();
  for await (const _ of left) break;
  assert.equal(stream.ended, false);
  for await (const _ of kept) break;
  assert.equal(stream.ended, true);
});

test("the head of an answer can be awaited", async (t) => {
  const { url } = await server(t, async (request, response) => {
    if (request.url.includes("models")) return json(response, 404, { detail: "no" });
    response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "r-1" });
    response.flushHeaders();
    await sleep(50);
    response.end(event(chunk({ content: "a" })) + event("[DONE]"));
  });
  const stream = clientOf(url).chat.stream(ask());
  const { status, headers } = await stream.opened;
  assert.deepEqual([status, headers.get("x-request-id"), stream.soFar.choices.length], [200, "r-1", 0]);
  assert.equal(text(await all(stream)), "a");
  assert.equal((await stream.opened).status, 200);
});

test("what refuses a stream refuses the head, too, and the head is that of the attempt that worked", async (t) => {
  const { url } = await server(t, (_, response, count) =>
    count === 1 ? json(response, 503, { detail: "later" }, { "x-should-retry": "true", "retry-after-ms": "1" }) : events(response) ?? response.end(event(chunk({ content: "b" })) + event("[DONE]")));
  const stream = clientOf(url, { maxRetries: 1, retry: { retryGenerations: true, base: 1 } }).chat.stream(ask());
  assert.equal((await stream.opened).status, 200);
  assert.equal(text(await all(stream)), "b");
  const emulated = await emulator(t);
  const refused = clientOf(emulated.url, { apiKey: "wrong" }).chat.stream(ask());
  await assert.rejects(refused.opened, { name: "TabbyError", code: "invalid_key", status: 401 });
  await assert.rejects(refused.opened, { code: "invalid_key" });
  const aborted = clientOf(url).chat.stream(ask());
  const opened = aborted.opened;
  aborted.abort();
  await assert.rejects(opened, { kind: "cancelled" });
});

/** A route as an author of pages writes it: it awaits the head, and passes the rest on. */
async function route(t, url) {
  const listening = http.createServer(async (request, response) => {
    try {
      const controller = new AbortController();
      response.on("close", () => controller.abort());
      const stream = clientOf(url, { adminKey: ADMIN_KEY }).chat.stream(ask(), { signal: controller.signal });
      await stream.opened;
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      for await (const bytes of stream.toReadableStream()) response.write(bytes);
      response.end();
    } catch (error) {
      response.writeHead(error.status ?? 500).end();
    }
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return `http://127.0.0.1:${listening.address().port}`;
}

test("a page reads the stream of a route as the route does", async (t) => {
  const { url } = await streaming(t, [...PIECES, "ü\u{1f600}"]);
  const page = await route(t, url);
  const stream = fromReadableStream(fetch(page));
  assert.equal((await stream.opened).headers.get("content-type"), "application/x-ndjson");
  assert.equal(text(await all(stream)), `${PIECES.join("")}ü\u{1f600}`);
  assert.equal((await stream.finalMessage()).choices[0].message.content, `${PIECES.join("")}ü\u{1f600}`);
  const body = (await fetch(page)).body;
  assert.equal((await fromReadableStream(body).finalMessage()).choices[0].message.content, `${PIECES.join("")}ü\u{1f600}`);
});

test("a page sees the errors of a route: before the stream, in it, and its end", async (t) => {
  const said = { error: { message: "out of memory", type: "server_error", code: 500 } };
  const failing = await streaming(t, ["a", "b"], said);
  const seen = [];
  const stream = fromReadableStream(await fetch(await route(t, failing.url)));
  await assert.rejects(async () => {
    for await (const item of stream) seen.push(item);
  }, (error) => {
    assert.ok(error instanceof TabbyError);
    assert.deepEqual([error.kind, error.status, error.partial.choices[0].message.content], ["server", 500, "ab"]);
    assert.match(error.message, /out of memory/);
    // Nothing of the server behind the route.
    assert.ok(!JSON.stringify(error).includes(new URL(failing.url).port), JSON.stringify(error));
    return true;
  });
  assert.equal(text(seen), "ab");
  const { url } = await server(t, (_, response) => json(response, 401, { detail: "Invalid API key" }));
  const refused = fromReadableStream(fetch(await route(t, url)));
  await assert.rejects(refused.finalMessage(), { name: "TabbyError", kind: "server", status: 401 });
  for (const odd of [7, {}, undefined, { body: 1 }]) await assert.rejects(fromReadableStream(odd).final(), { code: "misuse" });
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("cut")) });
  await assert.rejects(fromReadableStream(broken).final(), { name: "TabbyError", kind: "transport", message: /cut/ });
  const garbled = new Response("{not json}\n").body;
  await assert.rejects(fromReadableStream(garbled).final(), { name: "TabbyError", kind: "decode" });
});

test("lines without end, and blank lines without number, stay within bounds", async () => {
  const endless = new Response(`{"choices":[${" ".repeat(5000)}`).body;
  await assert.rejects(fromReadableStream(endless, { limits: { event: 1000 } }).final(), { name: "TabbyError", code: "event_too_large" });
  const line = JSON.stringify(chunk({ content: "a" }));
  const blank = new Response(`${"\n".repeat(200_000)}${line}\n\n`).body;
  assert.equal((await fromReadableStream(blank).final()).choices[0].message.content, "a");
});

test("a relayed stream that was cut is truncated, wherever the cut is", async (t) => {
  const { url } = await emulator(t);
  const whole = await new Response(clientOf(url).chat.stream({ ...ask(), max_tokens: 5 }).toReadableStream()).bytes();
  const message = (await fromReadableStream(new Response(whole).body).final()).choices[0].message.content;
  assert.match(message, /\w/);
  for (let end = 0; end < whole.length - 1; end++) {
    const stream = fromReadableStream(new Response(whole.subarray(0, end)).body);
    const cut = await stream.final().catch((error) => error);
    if (!(cut instanceof TabbyError)) {
      // Only what comes after the end of the answer is missing.
      assert.equal(cut.choices[0].message.content, message, `cut at ${end}`);
      assert.equal(cut.choices[0].finish_reason, "length");
      continue;
    }
    assert.equal(cut.code, "truncated", `cut at ${end}: ${cut.message}`);
    assert.ok(message.startsWith(cut.partial.choices[0]?.message.content ?? ""));
  }
  // As npm openai writes it, without a blank line at the end.
  const lines = new TextDecoder().decode(whole).trimEnd() + "\n";
  assert.equal((await fromReadableStream(new Response(lines).body).final()).choices[0].message.content, message);
});

test("a page that leaves ends the generation", async (t) => {
  const emulated = await emulator(t, "--token-delay-ms", "20");
  const stream = fromReadableStream(fetch(await route(t, emulated.url)));
  for await (const _ of stream) break;
  await emulated.seen("disconnect POST /v1/chat/completions");
});

test("completions come out as completions", async (t) => {
  const { url } = await emulator(t);
  const lines = clientOf(url).completions.stream({ prompt: "a", max_tokens: 20 }).toReadableStream();
  const whole = await fromReadableStream(lines).final();
  assert.equal(whole.object, "text_completion");
  assert.ok(whole.choices[0].text.length > 0);
});

test("listeners hear pieces, calls and the end, and read the stream by that", async (t) => {
  const call = (index, id, name) => ({ tool_calls: [{ index, id, type: "function", function: { name, arguments: '{"a":' } }] });
  const { url } = await server(t, (_, response) => {
    events(response);
    const rest = { tool_calls: [{ index: 0, function: { arguments: "1}" } }] };
    for (const delta of [{ content: "a" }, { content: "b" }, call(0, "c1", "f"), rest]) response.write(event(chunk(delta)));
    response.end(event(chunk({}, { finish_reason: "tool_calls" })) + event("[DONE]"));
  });
  const heard = [];
  const whole = await new Promise((resolve, reject) => {
    const stream = clientOf(url).chat.stream(ask());
    stream.on("content", (...reported) => heard.push(reported)).on("toolCall", (...reported) => heard.push(reported)).on("error", reject).on("end", resolve);
  });
  assert.deepEqual(heard, [["a", 0], ["b", 0], [{ id: "c1", type: "function", index: 0, function: { name: "f", arguments: '{"a":1}' } }, 0]]);
  assert.equal(whole.choices[0].message.content, "ab");
  // Beside a loop, and a listener that throws ends nothing.
  t.mock.method(console, "error", () => {});
  const stream = clientOf(url).chat.stream(ask());
  stream.on("content", () => { throw new Error("own"); });
  assert.equal(text(await all(stream)), "ab");
  assert.equal(console.error.mock.callCount(), 2);
  assert.throws(() => stream.on("contents", () => {}), { code: "misuse", message: /there are content, toolCall, error, end/ });
});

test("listeners hear of errors, and an error that nobody listens to is reported", async (t) => {
  const { url } = await streaming(t, ["a"], null);
  const error = await new Promise((resolve) => clientOf(url).chat.stream(ask()).on("error", resolve));
  assert.deepEqual([error.code, error.partial.choices[0].message.content], ["connection_lost", "a"]);
  t.mock.method(console, "error", () => {});
  const stream = clientOf(url).chat.stream(ask()).on("content", () => {});
  await stream.final().catch(() => {});
  assert.deepEqual(console.error.mock.calls.map(({ arguments: [error] }) => error.code), ["connection_lost"]);
  const aborted = clientOf(url).chat.stream(ask());
  const heard = new Promise((resolve) => aborted.on("error", resolve));
  aborted.abort();
  assert.deepEqual([(await heard).name, (await heard).kind], ["AbortError", "cancelled"]);
});

test("the text of a stream", async (t) => {
  const { url } = await emulator(t);
  assert.equal(await clientOf(url).chat.stream(ask("a b")).text(), "Echo: a b");
  const completed = await clientOf(url).completions.stream({ prompt: "a b", max_tokens: 20 }).text();
  assert.ok(completed.length > 0);
  const silent = await streaming(t, []);
  assert.equal(await clientOf(silent.url).chat.stream(ask()).text(), "");
});

test("clients with other options, and what is logged", async (t) => {
  const { url, seen } = await server(t, (request, response) => (request.url.includes("models") ? json(response, 200, { object: "list", data: [] }) : json(response, 400, { detail: "no, sesame-key" })));
  const lines = [];
  const logger = { debug: (line) => lines.push(["debug", line]), warn: (line) => lines.push(["warn", line]) };
  const tabby = clientOf(url, { logger, headers: { "x-a": "1" } });
  const other = tabby.withOptions({ apiKey: "sesame-key", timeout: 5000 });
  await tabby.models.list();
  await assert.rejects(other.chat.create(ask("secret words")), { status: 400 });
  assert.deepEqual(seen.map(({ headers }) => [headers["x-api-key"], headers["x-a"]]), [[API_KEY, "1"], ["sesame-key", "1"]]);
  const shown = lines.map(([level, line]) => [level, line.replaceAll(url, "URL").replace(/after \d+ ms/, "after N ms")]);
  assert.deepEqual(shown.map(([level]) => level), ["debug", "debug", "debug", "warn"]);
  assert.deepEqual(shown.slice(0, 3).map(([, line]) => line), ["tabbyapi: models.list: attempt 1: GET URL/v1/models", "tabbyapi: models.list: done after N ms", "tabbyapi: chat.create: attempt 1: POST URL/v1/chat/completions"]);
  assert.match(shown[3][1], /^tabbyapi: chat\.create: failed after N ms: POST URL\/v1\/chat\/completions: the server answered 400: no, \[removed\]/);
  assert.ok(!JSON.stringify(lines).includes("sesame") && !JSON.stringify(lines).includes("secret words"));
  assert.throws(() => tabby.withOptions({ timeout: -1 }), { code: "invalid_option" });
});

test("any route, with the keys and errors of the others", async (t) => {
  const { url, seen } = await server(t, (request, response, count) => {
    if (request.url.startsWith("/v1/rerank")) return json(response, 200, { ranks: [2, 1] });
    if (request.url === "/busy" && count < 3) return json(response, 503, { detail: "later" });
    if (request.url === "/none") return json(response, 404, { detail: "Not Found" });
    if (request.url === "/list") return json(response, 200, [1, "two"]);
    events(response);
    if (request.url === "/failing") return response.end(event({ a: 1 }) + event({ error: { message: "broken" } }));
    response.end(`event: progress\n${event({ at: 1 })}${event([2, null])}${request.url === "/open" ? "" : event("[DONE]")}`);
  });
  const tabby = clientOf(url, { adminKey: ADMIN_KEY, maxRetries: 1, retry: { base: 1 } });
  const answer = tabby.request({ method: "POST", path: "/v1/rerank?n=2", body: { query: "a", texts: ["b"] } });
  assert.deepEqual(await answer, { ranks: [2, 1] });
  assert.equal((await answer.withResponse()).status, 200);
  assert.deepEqual([seen[0].method, seen[0].url, seen[0].body, seen[0].headers["x-api-key"], seen[0].headers["x-admin-key"]], ["POST", "/v1/rerank?n=2", { query: "a", texts: ["b"] }, API_KEY, undefined]);
  seen.length = 0;
  await tabby.request({ path: "/list", scope: "admin" }).then((list) => assert.deepEqual(list, [1, "two"]));
  assert.deepEqual([seen[0].method, seen[0].body, seen[0].headers["x-admin-key"]], ["GET", undefined, ADMIN_KEY]);
  await assert.rejects(tabby.request({ path: "/none" }), { name: "TabbyError", kind: "server", status: 404, method: "GET" });
  for (const path of ["/events", "/open"]) {
    const stream = tabby.request({ method: "POST", path, body: {}, stream: true });
    assert.deepEqual(await all(stream), [{ at: 1 }, [2, null]]);
    assert.deepEqual(await stream.final(), [{ at: 1 }, [2, null]]);
  }
  await assert.rejects(tabby.request({ path: "/failing", stream: true }).final(), (error) => error.kind === "server" && /broken/.test(error.message) && error.partial.length === 1);
  for (const odd of [undefined, {}, { path: 7 }, { path: "no-slash" }, { path: "/a", method: "A B" }, { path: "/a", scope: "root" }]) {
    await assert.rejects(tabby.request(odd), { name: "TabbyError", code: "misuse" }, JSON.stringify(odd));
  }
  await assert.rejects(tabby.request({ path: "/a", method: "POST", body: 1n }), { kind: "encode" });
  // A path leads to no other server.
  await assert.rejects(tabby.request({ path: "//127.0.0.1:1/none" }), (error) => error.url.startsWith(`${url}//`));
});
