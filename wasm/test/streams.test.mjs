// Streams through the package: what comes out is what JSON.parse makes of each event, however the bytes are cut.
import assert from "node:assert/strict";
import test from "node:test";
import { Tabby, TabbyError } from "../dist/node.js";
import { ADMIN_KEY, API_KEY, all, ask, chunk, emulator, event, events, json, server, sleep } from "./support.mjs";

const texts = ["E", "cho", ": ", "\n", 'a "quote" \\', "\u2028", "ä€𝄞🦀", "\ufeff", "", "\u0001", "x".repeat(3000), "é".repeat(2000), "end"];

function* conversation() {
  for (const text of texts) yield chunk({ reasoning_content: text });
  for (const text of texts) yield chunk({ content: text });
  for (const text of texts) yield chunk({ content: text }, {}, 1);
  for (const text of texts) {
    yield chunk({ content: text });
    yield chunk({ content: text }, {}, 1);
    yield { ...chunk({ content: text }), usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, details: { cached: 0 } } };
  }
  yield chunk({}, { finish_reason: "stop", eos_reason: "stop_token" });
}

async function through(t, bytes, cut) {
  const { url } = await server(t, async (_, response) => {
    events(response);
    for (let at = 0; at < bytes.length; at += cut) {
      if (!response.write(bytes.subarray(at, at + cut))) await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end();
  });
  return all(new Tabby({ baseURL: url }).chat.stream({ ...ask(), n: 2 }));
}

test("every item is what JSON.parse makes of its event, at every cut", async (t) => {
  const chunks = [...conversation()];
  // Spaced as the server writes them, and compact.
  const spaced = (value) => JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  for (const write of [JSON.stringify, spaced]) {
    const bytes = Buffer.from(`: ping\r\n\r\n${chunks.map((value) => event(write(value))).join("")}${event("[DONE]")}`);
    for (const cut of [bytes.length, 4096, 1000, 61, 7]) {
      assert.deepEqual(await through(t, bytes, cut), chunks, `cut at ${cut}`);
    }
  }
});

test("items share nothing that can be changed", async (t) => {
  const { url } = await server(t, (_, response) => {
    events(response);
    for (let at = 0; at < 20; at++) response.write(event({ ...chunk({ content: `${at}` }), meta: { tags: ["a"] } }));
    response.end(event("[DONE]"));
  });
  const items = await all(new Tabby({ baseURL: url }).chat.stream(ask()));
  items.forEach((item, at) => {
    assert.equal(item.choices[0].delta.content, `${at}`);
    assert.deepEqual(item.meta, { tags: ["a"] });
    item.meta.tags.push("changed");
    item.choices[0].delta.content = "changed";
  });
});

test("bare non-finite numbers are null", async (t) => {
  const { url } = await server(t, (_, response) => {
    events(response);
    response.end(event('{"id":"1","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-Infinity}]}}]}') + event("[DONE]"));
  });
  const [item] = await all(new Tabby({ baseURL: url }).chat.stream(ask()));
  assert.equal(item.choices[0].logprobs.content[0].logprob, null);
});

test("a stream adds up to the whole answer", async (t) => {
  const { url } = await emulator(t);
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY });
  const stream = tabby.chat.stream(ask());
  let text = "";
  for await (const item of stream) text += item.choices[0].delta.content ?? "";
  const message = await stream.finalMessage();
  assert.equal(text, "Echo: Hello there");
  assert.equal(message.choices[0].message.content, text);
  assert.equal(message.choices[0].finish_reason, "stop");
  assert.equal(message.usage.completion_tokens > 0, true);
  assert.equal(stream.outcome.status, 200);
  const whole = await tabby.chat.create(ask());
  assert.equal(whole.choices[0].message.content, text);
});

test("tool calls find their places", async (t) => {
  const pieces = [
    { index: 0, id: "a", function: { name: "f", arguments: "" } },
    { index: 0, function: { arguments: "{}" } },
    { index: 1, id: "b", function: { name: "g", arguments: "[1" } },
    { index: 1, function: { arguments: "]" } },
    { index: 0, id: "c", function: { name: "f", arguments: "2" } },
  ];
  const { url } = await server(t, (_, response) => {
    events(response);
    for (const piece of pieces) response.write(event(chunk({ tool_calls: [piece] })));
    response.end(event(chunk({}, { finish_reason: "tool_calls" })) + event("[DONE]"));
  });
  const { choices } = await new Tabby({ baseURL: url }).chat.stream(ask()).finalMessage();
  const calls = choices[0].message.tool_calls.map((call) => [call.id, call.function.name, call.function.arguments]);
  assert.deepEqual(calls, [["a", "f", "{}"], ["c", "f", "2"], ["b", "g", "[1]"]]);
  assert.equal(choices[0].finish_reason, "tool_calls");
});

test("a whole answer in place of a stream", async (t) => {
  const { url } = await emulator(t, "--disable-request-streaming");
  const message = await new Tabby({ baseURL: url, apiKey: API_KEY }).chat.stream(ask()).finalMessage();
  assert.equal(message.choices[0].message.content, "Echo: Hello there");
  const done = await new Tabby({ baseURL: url, apiKey: API_KEY }).completions.stream({ prompt: "Once", max_tokens: 9 }).finalMessage();
  assert.equal(done.choices[0].text.length > 0, true);
});

test("leaving the loop, abort and a signal close the connection, which the server sees", async (t) => {
  const { url, seen, lines } = await emulator(t, "--token-delay-ms", "20");
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY });
  const gone = () => lines.filter((line) => line.startsWith("disconnect POST /v1/chat/completions")).length;
  const long = ask("many words ".repeat(50));

  for await (const _ of tabby.chat.stream(long)) break;
  await seen("disconnect POST /v1/chat/completions");

  const stream = tabby.chat.stream(long);
  let count = 0;
  for await (const _ of stream) if (++count === 2) stream.abort();
  assert.equal(count, 2);
  await assert.rejects(stream.finalMessage(), (error) => error.code === "cancelled" && error.partial.choices[0].message.content.length > 0);
  while (gone() < 2) await sleep(10);

  const controller = new AbortController();
  const signalled = tabby.chat.stream(long, { signal: controller.signal });
  await assert.rejects(async () => {
    for await (const _ of signalled) controller.abort(new Error("enough"));
  }, (error) => error instanceof TabbyError && error.code === "cancelled" && error.cause.message === "enough");
  while (gone() < 3) await sleep(10);

  const whole = new AbortController();
  const asked = tabby.chat.create(long, { signal: whole.signal });
  setTimeout(() => whole.abort(), 50);
  await assert.rejects(asked, { code: "cancelled" });
  await assert.rejects(tabby.models.list({ signal: AbortSignal.abort() }), { code: "cancelled" });
});

test("a stream that was cut keeps what had arrived", async (t) => {
  const { url } = await server(t, async (_, response) => {
    events(response);
    response.write(event(chunk({ content: "The Rhi" })));
    await sleep(20);
    response.destroy();
  });
  const items = [];
  await assert.rejects(async () => {
    for await (const item of new Tabby({ baseURL: url }).chat.stream(ask())) items.push(item);
  }, (error) => {
    assert.equal(error.kind, "truncated");
    assert.equal(error.partial.choices[0].message.content, "The Rhi");
    assert.equal(error.retryable, true);
    return true;
  });
  assert.equal(items.length, 1);
});

test("a stream without its announced end is truncated; errors inside it are the server's", async (t) => {
  const bodies = [
    event(chunk({ content: "a" })),
    event(chunk({ content: "a" })) + event({ error: { message: "Chat completion aborted. Maybe the model was unloaded?", trace: null } }),
    event(chunk({ content: "a" })) + event("{"),
  ];
  const { url } = await server(t, (_, response, count) => {
    events(response);
    response.end(bodies[count - 1]);
  });
  const tabby = new Tabby({ baseURL: url });
  for (const code of ["truncated", "generation_aborted", "invalid_json"]) {
    await assert.rejects(tabby.chat.stream(ask()).finalMessage(), (error) => {
      assert.equal(error.code, code);
      assert.equal(error.partial.choices[0].message.content, "a");
      return true;
    });
  }
});

test("an item of another shape ends the stream by an error that says where", async (t) => {
  const chat = (tabby) => tabby.chat.stream(ask());
  const complete = (tabby) => tabby.completions.stream({ prompt: "a", max_tokens: 9 });
  const wrong = [
    [chat, '{"choices":5}', "choices"],
    [chat, '{"choices":"a"}', "choices"],
    [complete, '{"choices":5}', "choices"],
  ];
  const first = { chat: chunk({ content: "a" }), complete: { choices: [{ index: 0, text: "a" }] } };
  const bodies = wrong.map(([call, body]) => {
    const good = call === chat ? event(first.chat) : call === complete ? event(first.complete) : "";
    // What follows does not count any more.
    return `${good}${event(body)}${good}`;
  });
  let closed = 0;
  const { url } = await server(t, (_, response, count) => {
    response.on("close", () => (closed += 1));
    events(response);
    // It does not end by itself.
    response.write(bodies[count - 1]);
  });
  const outcomes = [];
  const tabby = new Tabby({ baseURL: url, adminKey: ADMIN_KEY, onOutcome: ({ ok, error }) => outcomes.push([ok, error?.code]) });
  for (const [call, body, where] of wrong) {
    const stream = call(tabby);
    const items = [];
    await assert.rejects(async () => {
      for await (const item of stream) items.push(item);
    }, (error) => {
      assert.ok(error instanceof TabbyError, `${body}: ${error}`);
      assert.deepEqual([error.kind, error.code, error.status, error.path], ["decode", "unexpected_json", 200, where], body);
      assert.ok(error.message.startsWith(`POST ${error.url}: the answer could not be read: \`${where}\` is not a `), error.message);
      if (call === chat) assert.equal(error.partial.choices[0].message.content, "a");
      if (call === complete) assert.equal(error.partial.choices[0].text, "a");
      return true;
    });
    assert.equal(items.length, call === chat || call === complete ? 1 : 0, body);
    assert.ok(stream.ended);
    await assert.rejects(stream[Symbol.asyncIterator]().next(), { code: "stream_in_use" });
  }
  assert.deepEqual(outcomes, wrong.map(() => [false, "unexpected_json"]));
  while (closed < wrong.length) await sleep(5);
});

test("what means nothing is left out, and the rest survives", async (t) => {
  const bodies = [
    [
      '{"choices":[null,{"index":"0","delta":{"content":5,"role":["a"]}}]}',
      '{"choices":{"delta":{"content":"b","tool_calls":[null],"refusal":{}}},"created":"1.5"}',
      '{"choices":[{"delta":5,"logprobs":{"content":"abc"},"finish_reason":{}}]}',
      '{"choices":[{"delta":[]}],"usage":[]}',
      '{"usage":{"prompt_tokens":1}}',
      '{"choices":[{"finish_reason":"stop"}]}',
      "[DONE]",
    ],
    ['{"choices":[{"text":[]}]}', '{"choices":[{"text":[{"text":"a"}],"logprobs":[1],"finish_reason":"stop"}]}', "[DONE]"],
    ['{"token":5}', '{"token":{}}'],
    ['{"model_type":"model","status":"processing","module":"x","modules":"2"}', '{"model_type":"model","status":"finished","module":2,"modules":2.0}'],
  ];
  const { url } = await server(t, (_, response, count) => {
    events(response);
    response.end(bodies[count - 1].map(event).join(""));
  });
  const tabby = new Tabby({ baseURL: url, adminKey: ADMIN_KEY });
  const stream = tabby.chat.stream(ask());
  const items = await all(stream);
  assert.deepEqual(items.slice(0, 2), [
    { choices: [{ index: 0, delta: { content: "5" } }] },
    { choices: [{ delta: { content: "b", tool_calls: [] } }], created: 1 },
  ]);
  assert.deepEqual(items.slice(3, 5), [{ choices: [{ delta: {} }] }, { choices: [], usage: { prompt_tokens: 1, completion_tokens: 0, total_tokens: 0 } }]);
  const { choices, usage, created } = await stream.finalMessage();
  assert.deepEqual(choices, [{ index: 0, message: { role: "assistant", content: "5b" }, finish_reason: "stop", logprobs: { content: [] } }].map(({ logprobs, ...rest }) => rest));
  assert.deepEqual([usage.prompt_tokens, created], [1, 1]);
  const done = await tabby.completions.stream({ prompt: "a", max_tokens: 9 }).finalMessage();
  assert.deepEqual(done.choices, [{ index: 0, text: "a", finish_reason: "stop" }]);
  assert.deepEqual(await tabby.kobold.stream({ prompt: "a" }).final(), { results: [{ text: "5" }] });
  const load = await tabby.models.load({ model_name: "m" }).finalReport();
  assert.deepEqual(load.parts, [{ model_type: "model", module: 2, modules: 2, finished: true }]);
});

test("null is as good as absent, a field's name is no prototype, and lists are as long as they are", async (t) => {
  const long = Array.from({ length: 300_000 }, () => ({ token: "a" }));
  const bodies = [
    [
      '{"choices":null}',
      '{"choices":[{"index":null,"delta":null,"logprobs":null}]}',
      '{"choices":[{"delta":{"content":null,"tool_calls":null}}]}',
      '{"choices":[{"delta":{"content":"a","__proto__":{"name":"b"}},"__proto__":{"usage":1},"message":{"content":"b"}}]}',
      JSON.stringify({ choices: [{ delta: {}, logprobs: { content: long } }] }),
      "[DONE]",
    ],
    [
      '{"choices":[{"text":null}]}',
      '{"choices":[{"text":"a","logprobs":{"__proto__":[1],"constructor":[1],"tokens":["a"]}}]}',
      '{"choices":[{"logprobs":{"tokens":["b"],"top_logprobs":null}}]}',
      "[DONE]",
    ],
    ['{"token":"a"}', '{"token":null}'],
  ];
  const { url } = await server(t, (_, response, count) => {
    events(response);
    response.end(bodies[count - 1].map(event).join(""));
  });
  const tabby = new Tabby({ baseURL: url });
  const plain = (...objects) => objects.forEach((object) => assert.equal(Object.getPrototypeOf(object), Object.prototype));

  const chat = tabby.chat.stream(ask());
  const items = await all(chat);
  assert.deepEqual(items.slice(0, 2), [{ choices: [] }, { choices: [{ index: null, delta: {}, logprobs: null }] }]);
  const [said] = (await chat.finalMessage()).choices;
  assert.deepEqual([said.message, said.logprobs.content.length], [{ role: "assistant", content: "a" }, long.length]);
  plain(said, said.message);

  const [done] = (await tabby.completions.stream({ prompt: "a", max_tokens: 9 }).finalMessage()).choices;
  assert.deepEqual([done.text, done.logprobs], ["a", { tokens: ["a", "b"] }]);
  plain(done, done.logprobs);

  assert.deepEqual(await tabby.kobold.stream({ prompt: "a" }).final(), { results: [{ text: "a" }] });
});

test("what a stream adds up to has its bounds", { timeout: 150_000 }, async (t) => {
  const big = "x".repeat(1 << 20);
  const piece = (at) => ({ id: `${at}`, index: at, function: { name: "f", arguments: "" } });
  const endless = [
    [() => chunk({ content: big }), "stream_too_large"],
    [(at) => chunk({ [`field${at}`]: big }), "stream_too_large"],
    [(at) => chunk({ other: { at, list: [big] } }), "stream_too_large"],
    [() => chunk({}, { logprobs: { content: [{ token: "a", top_logprobs: [{ token: big }] }] } }), "stream_too_large"],
    [(at) => chunk({ tool_calls: [{ ...piece(at), id: `${at}${big}` }] }), "stream_too_large"],
    [(at) => ({ choices: [{ index: at, delta: { content: "a" } }, { index: at + 1, delta: {} }] }), "too_many_indices"],
    [(at) => chunk({ tool_calls: [piece(at)] }), "too_many_indices"],
  ];
  const { url } = await server(t, async (_, response, count) => {
    events(response);
    for (let at = 0; response.writable && at < 5000; at++) {
      if (response.write(event(endless[count - 1][0](at)))) continue;
      await new Promise((resolve) => {
        const go = () => resolve(response.off("drain", go).off("close", go));
        response.on("drain", go).on("close", go);
      });
    }
    response.end(event("[DONE]"));
  });
  const tabby = new Tabby({ baseURL: url });
  for (const [, code] of endless) {
    await assert.rejects(tabby.chat.stream(ask()).finalMessage(), (error) => {
      assert.deepEqual([error.kind, error.code, error.status], ["too_large", code, 200]);
      assert.match(error.message, /^POST http.*: the stream (accumulates to|has) more .*; raise `limits\.(accumulated|indices)` if /);
      assert.ok(error.partial.choices.length > 0);
      return true;
    });
  }
});

test("caps count bytes, and are those of the client and of the call", async () => {
  const body = event(chunk({ content: "€".repeat(1000) })) + event("[DONE]");
  const own = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
  const ended = (limits, options) => new Tabby({ baseURL: "http://tabby.test", fetch: own, limits }).chat.stream(ask(), options).finalMessage();
  assert.equal((await ended({ accumulated: 3100 })).choices[0].message.content.length, 1000);
  await assert.rejects(ended({ accumulated: 2900 }), { code: "stream_too_large", reason: "the stream accumulates to more than the cap of 2900 bytes" });
  await assert.rejects(ended({}, { limits: { accumulated: 2900 } }), { code: "stream_too_large" });
  await assert.rejects(ended({ indices: 0 }), { code: "too_many_indices", reason: "the stream has more than 0 choices" });
  assert.ok(await ended({ accumulated: 1 }, { limits: { accumulated: Infinity } }));
});

test("not reading holds the server back", async (t) => {
  let sent = 0;
  const { url } = await server(t, (_, response) => {
    events(response);
    const line = event(chunk({ content: "x".repeat(1000) }));
    const write = () => {
      while (sent < 100_000 && !response.destroyed) {
        sent += 1;
        if (!response.write(line)) return response.once("drain", write);
      }
    };
    write();
  });
  const stream = new Tabby({ baseURL: url }).chat.stream(ask());
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await sleep(300);
  const held = sent;
  await sleep(300);
  assert.equal(sent, held);
  assert.ok(held < 50_000, `${held} were sent`);
  for (let at = 0; at < held; at++) await items.next();
  assert.ok(sent > held);
  await items.return();
});

test("a busy caller is no idle, a silent server is", async (t) => {
  const { url } = await server(t, async (_, response) => {
    events(response);
    response.write(event(chunk({ content: "a" })));
    await sleep(400);
    response.write(": ping\r\n\r\n" + event(chunk({ content: "b" })));
    for (let at = 0; at < 20; at++) {
      await sleep(50);
      response.write(": ping\r\n\r\n");
    }
  });
  const stream = new Tabby({ baseURL: url }).chat.stream(ask(), { timeouts: { idle: 200 } });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  await sleep(500);
  assert.equal((await items.next()).value.choices[0].delta.content, "b");
  await assert.rejects(items.next(), { code: "timeout_idle", phase: "idle" });
});

test("a stream as lines of JSON", async (t) => {
  const { url } = await emulator(t);
  const body = new Tabby({ baseURL: url, apiKey: API_KEY }).chat.stream(ask()).toReadableStream();
  const lines = (await new Response(body).text()).trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.map((item) => item.choices[0].delta.content ?? "").join(""), "Echo: Hello there");
});

test("a load is a stream of progress and a report", async (t) => {
  const { url } = await emulator(t, "--load-delay-ms", "5");
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY, adminKey: ADMIN_KEY });
  const load = tabby.models.load({ model_name: "beta-3B-exl3" });
  const progress = await all(load);
  assert.ok(progress.length > 3);
  assert.equal(progress.at(-1).status, "finished");
  assert.deepEqual(await load.finalReport(), {
    parts: [{ model_type: "model", finished: true, module: progress.at(-1).modules, modules: progress.at(-1).modules }],
    wasLoadedAlready: false,
  });
  assert.equal((await tabby.models.current()).id, "beta-3B-exl3");
  assert.equal((await tabby.models.load({ model_name: "beta-3B-exl3" }).finalReport()).wasLoadedAlready, true);
  assert.equal((await (await tabby.models.reload({ model_name: "alpha-7B-exl3" })).finalReport()).wasLoadedAlready, false);
  await assert.rejects(tabby.models.load({ model_name: "nowhere" }).finalReport(), (error) => error.kind === "server");
  await assert.rejects(tabby.models.reload({ model_name: "nowhere" }), (error) => error.code === "unknown_model");
  assert.equal((await tabby.models.current()).id, "alpha-7B-exl3");
});
