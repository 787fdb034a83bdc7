// Streams that are resumed: over sockets that are cut at every byte and at random ones, and over answers that a test writes itself.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import test from "node:test";
import { Tabby, TabbyError } from "../dist/node.js";
import { API_KEY, all, ask, chunk, emulator, event, events, json, server, sleep } from "./support.mjs";

/** A proxy whose next connections are cut after so many bytes of the answer: closed, reset, or held. */
async function proxy(t, url) {
  const upstream = new URL(url);
  const faults = [];
  const sockets = new Set();
  const listening = net.createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    const fault = faults.shift();
    const origin = net.connect({ port: Number(upstream.port), host: upstream.hostname, noDelay: true });
    let left = fault?.byte ?? Infinity;
    const over = () => (origin.destroy(), client.destroy());
    client.on("error", over).on("close", over);
    origin.on("error", over).on("end", () => client.end());
    // Each request has a connection of its own, so that it meets the fault that is meant for it.
    let isHead = true;
    client.on("data", (bytes) => {
      origin.write(isHead ? bytes.toString("latin1").replace("\r\n", "\r\nconnection: close\r\n") : bytes, "latin1");
      isHead = false;
    });
    const cut = () => {
      origin.destroy();
      if (fault.how === "close") client.end();
      if (fault.how === "reset") client.resetAndDestroy();
    };
    if (left === 0) return origin.once("connect", cut);
    origin.on("data", (bytes) => {
      if (left <= 0) return;
      const passed = bytes.subarray(0, left);
      left -= bytes.length;
      client.write(passed, () => left <= 0 && cut());
    });
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  return { url: `http://127.0.0.1:${listening.address().port}`, faults };
}

const said = '[[fake:{"tokens":["One"," 🦀\\n\\n","thrée "]}]]';
const kinds = {
  chat: (tabby, options) => tabby.chat.stream({ messages: [{ role: "user", content: said }], max_tokens: 50 }, options),
  completions: (tabby, options) => tabby.completions.stream({ prompt: "🦀 x", max_tokens: 50 }, options),
};
const textOf = ({ choices: [choice] }) => choice?.delta?.content ?? choice?.text ?? "";
const texts = (items) => items.map(textOf).filter((text) => text !== "");

/** Reads a stream with a client of its own, which has a budget of retries of its own. */
async function read(kind, url, resume = { base: 0 }, timeouts) {
  const stream = kinds[kind](new Tabby({ baseURL: url, apiKey: API_KEY, timeouts }), { resume });
  const items = [];
  try {
    for await (const item of stream) items.push(item);
  } catch (error) {
    return { items, error, sum: stream.soFar, outcome: error.outcome };
  }
  return { items, sum: await stream.final(), outcome: stream.outcome };
}

const sumOf = ({ choices: [choice] }) => [choice.message?.content ?? choice.text, choice.finish_reason];

// Of a completion, whose parts are joined in the same way, every third one.
for (const [kind, step] of [["chat", 1], ["completions", 3]]) {
  test(`${kind}: a stream that is cut at any byte is the one that nobody cut`, async (t) => {
    const { url, faults } = await proxy(t, (await emulator(t, "--token-delay-ms", "0")).url);
    const whole = await read(kind, url);
    assert.ok(whole.items.length >= 4 && sumOf(whole.sum)[0].length >= 10, JSON.stringify(whole));
    let [byte, unharmed] = [0, 0];
    for (; unharmed < 10; byte += step) {
      faults.push({ byte, how: byte % 2 ? "close" : "reset" });
      const seen = await read(kind, url);
      assert.equal(seen.error, undefined, `cut at byte ${byte}: ${seen.error}`);
      assert.deepEqual(texts(seen.items), texts(whole.items), `cut at byte ${byte}`);
      assert.deepEqual(sumOf(seen.sum), sumOf(whole.sum), `cut at byte ${byte}`);
      assert.equal(new Set(seen.items.map(({ id }) => id)).size, 1, `cut at byte ${byte}`);
      unharmed = seen.outcome.attempt_count === 1 ? unharmed + 1 : 0;
      assert.ok(byte < 20_000);
    }
    assert.ok(byte > 1000, `${byte}`);
  });
}

test("random cuts, resets and stalls in a row are mended", async (t) => {
  const { url, faults } = await proxy(t, (await emulator(t, "--token-delay-ms", "0")).url);
  let state = 7;
  const chance = (below) => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
  for (const kind of ["chat", "completions"]) {
    const whole = await read(kind, url);
    for (let run = 0; run < 20; run++) {
      faults.length = 0;
      for (let more = chance(3); more >= 0; more--) faults.push({ byte: chance(1500), how: ["close", "reset", "hold"][chance(3)] });
      const what = JSON.stringify(faults);
      const seen = await read(kind, url, { base: 0 }, { head: 150, idle: 150, firstItem: 150 });
      assert.equal(seen.error, undefined, `${what}: ${seen.error}`);
      assert.deepEqual(texts(seen.items), texts(whole.items), what);
      assert.deepEqual(sumOf(seen.sum), sumOf(whole.sum), what);
    }
  }
});

/** A server whose answers are these: a list of events, after which the connection is lost unless it was the end. */
async function answers(t, ...list) {
  return server(t, (_, response, number) => {
    const answer = list[Math.min(number, list.length) - 1];
    if (typeof answer === "function") return answer(response);
    events(response);
    const bytes = answer.map(event).join("");
    response.write(bytes, () => (answer.at(-1) === "[DONE]" ? response.end() : setTimeout(() => response.destroy(), 20)));
  });
}

const text = (content, more = {}) => ({ ...chunk({ content }), ...more });
const end = (reason = "stop", usage = { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 }) => ({ ...chunk({}, { finish_reason: reason }), id: "b", usage });

test("the rest is asked for with what had arrived, read or not", async (t) => {
  const counted = text("ab", { usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 } });
  const { url, seen } = await answers(t, [text("Half "), text("of it "), counted], [text("all", { id: "z" }), end(), "[DONE]"]);
  const reported = [];
  const tabby = new Tabby({ baseURL: url });
  const request = { ...ask(), max_tokens: 20, min_tokens: 3, response_prefix: "Sure: " };
  const stream = tabby.chat.stream(request, { resume: { base: 0, onResume: (event) => reported.push(event) } });
  const items = [];
  for await (const item of stream) {
    items.push(item);
    // Slower than the stream, so that it breaks while items are unread.
    await sleep(10);
  }
  assert.deepEqual(items.map(textOf), ["Half ", "of it ", "ab", "all", ""]);
  assert.deepEqual(new Set(items.map(({ id }) => id)), new Set(["chatcmpl-1"]));
  const [first, second] = seen.map(({ body }) => body);
  assert.deepEqual(second, { ...first, response_prefix: "Sure: Half of it ab", max_tokens: 18, min_tokens: 1 });
  const { usage } = await stream.final();
  assert.deepEqual(usage, { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 });
  assert.deepEqual(reported.map(({ action, items, resumes, wait, code, error }) => [action, items, resumes, wait, code, error.code]), [
    ["resumed", 3, 1, 0, null, "connection_lost"],
  ]);
  assert.ok(reported[0].error instanceof TabbyError);
  const { resumes, not_resumed: why, attempts } = stream.outcome;
  assert.deepEqual([resumes, why, attempts.map(({ items, resumes }) => [items, resumes])], [1, null, [[3, false], [2, true]]]);
});

test("what had been reasoned goes along, and roles are said once", async (t) => {
  const first = [chunk({ role: "assistant", content: "" }), chunk({ reasoning_content: "Hm." }), text("Half ")];
  const { url, seen } = await answers(t, first, [chunk({ role: "assistant" }), chunk({ role: "assistant", content: "all" }), end(), "[DONE]"]);
  const items = await all(new Tabby({ baseURL: url }).chat.stream(ask("q"), { resume: true }));
  assert.deepEqual(items.map((item) => [item.choices[0].delta.role, textOf(item)]), [
    ["assistant", ""], [undefined, ""], [undefined, "Half "], [undefined, "all"], [undefined, ""],
  ]);
  const { messages, response_prefix: prefix, continue_final_message: continues, add_generation_prompt: opens } = seen[1].body;
  assert.deepEqual(messages.at(-1), { role: "assistant", content: "Half", reasoning_content: "Hm." });
  assert.deepEqual([prefix, continues, opens], [" ", true, false]);
});

test("what would lie is refused with its reason", async (t) => {
  const calls = [{ id: "1", index: 0, function: { name: "f", arguments: "{" } }];
  const cases = [
    [{ n: 2 }, [text("a")], "several_choices"],
    [{ json_schema: {} }, [text("a")], "constrained"],
    [{ response_format: { type: "json" } }, [text("a")], "constrained"],
    [{ add_generation_prompt: false }, [text("a")], "not_resumable"],
    [{}, [text("a"), chunk({ tool_calls: calls })], "tools_called"],
    [{}, [chunk({ reasoning_content: "Hm" })], "reasoning_unfinished"],
  ];
  for (const [more, answer, code] of cases) {
    const { url, seen } = await answers(t, answer);
    const reported = [];
    const stream = new Tabby({ baseURL: url }).chat.stream({ ...ask(), ...more }, { resume: { onResume: (event) => reported.push(event) } });
    const error = await stream.final().then(assert.fail, (error) => error);
    assert.deepEqual([error.code, error.outcome.not_resumed, reported[0].action, reported[0].code, seen.length], ["connection_lost", code, "refused", code, 1]);
    assert.match(error.message, /\(not resumed: /);
  }
  const other = [{ ...text("?"), model: "other" }, end(), "[DONE]"];
  const { url } = await answers(t, [text("a")], other);
  const error = await new Tabby({ baseURL: url }).chat.stream(ask(), { resume: { base: 0 } }).final().then(assert.fail, (error) => error);
  assert.deepEqual([error.outcome.not_resumed, error.partial.choices[0].message.content], ["other_model", "a"]);
  const { url: again } = await answers(t, [text("a")], other);
  const answer = await new Tabby({ baseURL: again }).chat.stream(ask(), { resume: { base: 0, anyModel: true } }).final();
  assert.equal(answer.choices[0].message.content, "a?");
});

test("budgets are kept, and tokens that are used up end it with length", async (t) => {
  const { url, seen } = await answers(t, [text("a")]);
  const error = await new Tabby({ baseURL: url }).chat.stream(ask(), { resume: { attempts: 2, base: 0 } }).final().then(assert.fail, (error) => error);
  assert.deepEqual([error.outcome.not_resumed, seen.length, error.partial.choices[0].message.content], ["attempts_used_up", 3, "aaa"]);
  const one = await answers(t, [text("a"), text("b")]);
  const stream = new Tabby({ baseURL: one.url }).chat.stream({ ...ask(), max_tokens: 2 }, { resume: true });
  const items = await all(stream);
  assert.deepEqual([items.map(textOf), items.at(-1).choices[0].finish_reason, items.at(-1).id], [["a", "b", ""], "length", "chatcmpl-1"]);
  const whole = await answers(t, [text("a"), end()]);
  const answer = await new Tabby({ baseURL: whole.url }).chat.stream(ask(), { resume: true }).final();
  assert.deepEqual([answer.choices[0].finish_reason, whole.seen.length], ["stop", 1]);
});

test("it can be given up between two parts, and what breaks is no break without the option", async (t) => {
  const { url, seen } = await answers(t, [text("a")]);
  const stream = new Tabby({ baseURL: url }).chat.stream(ask(), { resume: { base: 60_000, cap: 60_000 } });
  setTimeout(() => stream.abort(), 200);
  const items = await all(stream);
  assert.deepEqual([items.map(textOf), seen.length], [["a"], 1]);
  const error = await new Tabby({ baseURL: url }).chat.stream(ask()).final().then(assert.fail, (error) => error);
  assert.deepEqual([error.code, error.outcome.not_resumed, error.outcome.resumes], ["connection_lost", null, 0]);
  const refusing = await answers(t, [text("a")], (response) => json(response, 422, { detail: "the final message does not appear in the rendered prompt" }));
  const refused = await new Tabby({ baseURL: refusing.url }).chat.stream(ask(), { resume: { base: 0 } }).final().then(assert.fail, (error) => error);
  assert.deepEqual([refused.code, refused.outcome.not_resumed], ["connection_lost", "cannot_continue"]);
});

test("a wrong option is an error", async () => {
  const tabby = new Tabby({ baseURL: "http://127.0.0.1:1" });
  for (const [resume, code] of [[{ attempts: -1 }, "invalid_option"], [7, "misuse"], [{ onResume: 1 }, "misuse"]]) {
    await assert.rejects(tabby.chat.stream(ask(), { resume }).final(), (error) => error.code === code);
  }
  await assert.rejects(tabby.models.load({ model_name: "m" }, { resume: true }).final(), (error) => error.code === "misuse");
});
