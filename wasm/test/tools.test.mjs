// Runs with tools: rounds, events, parallel calls, limits, failures as the model gets them, and giving up.
import assert from "node:assert/strict";
import test from "node:test";
import { z } from "zod";
import { Tabby } from "../dist/node.js";
import { ToolLoop, runTools, tool, withTools } from "../dist/tools.js";
import { API_KEY, all, chunk, emulator, event, events, server, sleep } from "./support.mjs";

const messages = [{ role: "user", content: "What is the weather in Oslo?" }];
const weather = tool({
  name: "get_weather",
  description: "Tells the weather in a city.",
  parameters: z.object({ city: z.string() }),
  run: async ({ city }) => ({ city, celsius: 4 }),
});
const called = (id, name, args = {}) => ({ id, type: "function", function: { name, arguments: typeof args === "string" ? args : JSON.stringify(args) } });

/** A server whose answers are these in turn: texts, or lists of calls. */
const answering = (t, answers) =>
  server(t, (request, response, count) => {
    const answer = answers[Math.min(count, answers.length) - 1];
    events(response);
    const isText = typeof answer === "string";
    const delta = isText ? { content: answer } : { tool_calls: answer.map((call, index) => ({ index, ...call })) };
    response.write(event(chunk(delta)));
    const usage = { prompt_tokens: 10 * count, completion_tokens: 2, total_tokens: 10 * count + 2 };
    response.end(event({ ...chunk({}, { finish_reason: isText ? "stop" : "tool_calls" }), usage }) + event("[DONE]"));
  });

const client = (url) => new Tabby({ baseURL: url, apiKey: API_KEY, maxRetries: 0 });
/** What the model got for the calls of a run. */
const got = (output) => output.messages.filter(({ role }) => role === "tool").map(({ content }) => content);

test("on the emulated server a tool is called and its result is answered", async (t) => {
  const { url } = await emulator(t);
  const ask = [{ role: "user", content: "Call get_weather for me" }];
  let city;
  const tools = { get_weather: { parameters: { type: "object", properties: { city: { type: "string" } } }, run: (args) => (({ city } = args), "rain") } };
  const output = await runTools(client(url), { messages: ask, tools, max_tokens: 300 });
  assert.deepEqual([output.end, output.rounds, output.calls, output.failures], ["answered", 2, 1, 0]);
  assert.equal(typeof city, "string");
  assert.deepEqual(got(output), ["rain"]);
  assert.ok(output.usage.total_tokens > 0);
});

test("events come in order, and the output adds up", async (t) => {
  const { url, seen } = await answering(t, [[called("a", "get_weather", { city: "Oslo" })], "It rains."]);
  const run = runTools(client(url), { messages, tools: [weather] });
  const kinds = (await all(run)).map(({ type, round, call, result }) => [type, round ?? call?.id ?? 0, result?.text].filter(Boolean).join(" "));
  assert.deepEqual(kinds, ["chunk", "chunk", "answered 1", "started a", 'finished a {"city":"Oslo","celsius":4}', "chunk", "chunk", "answered 2"]);
  const output = await run;
  assert.deepEqual([output.end, output.text, output.rounds, output.calls, output.usage], ["answered", "It rains.", 2, 1, { prompt_tokens: 30, completion_tokens: 4, total_tokens: 34 }]);
  assert.deepEqual(output.messages.map(({ role }) => role), ["user", "assistant", "tool", "assistant"]);
  const [first, second] = seen.map(({ body }) => body);
  assert.deepEqual(first.tools[0].function.parameters.properties, { city: { type: "string" } });
  assert.deepEqual(second.messages.at(-1), { role: "tool", tool_call_id: "a", content: '{"city":"Oslo","celsius":4}' });
  assert.equal("limits" in first, false);
});

test("each tool goes out with what the server insists on", async (t) => {
  const { url, seen } = await answering(t, ["no"]);
  const run = () => "x";
  const tools = [
    { name: "get_weather_now", run },
    { name: "tellTime", parameters: z.object({ zone: z.string() }).describe("Tells the time."), run },
    { name: "named", description: "Its own.", jsonSchema: { type: "object", properties: { a: {} } }, run },
    { type: "function", function: { name: "wired" } },
    { name: "named", description: "The last one counts.", run },
  ];
  await runTools(client(url), { messages, tools });
  assert.deepEqual(
    seen[0].body.tools.map(({ type, function: { name, description, parameters } }) => [type, name, description, Object.keys(parameters.properties)]),
    [
      ["function", "wired", "Wired.", []],
      ["function", "get_weather_now", "Get weather now.", []],
      ["function", "tellTime", "Tells the time.", ["zone"]],
      ["function", "named", "The last one counts.", []],
    ],
  );
});

test("the model gets failures, each with what to do better", async (t) => {
  const circular = {};
  circular.self = circular;
  const tools = [
    weather,
    { name: "fails", run: () => Promise.reject(new Error("no station there")) },
    { name: "throws", run: () => { throw "a word"; } },
    { name: "large", run: () => "é".repeat(40) },
    { name: "circular", run: () => circular },
    { name: "silent", run: () => undefined },
    { name: "slow", run: () => new Promise(() => {}) },
  ];
  const calls = [
    called("1", "get_weather", { city: 5 }),
    called("2", "get_weather", '{"city": "Os'),
    called("3", "get_weather", "Oslo"),
    called("4", "nowhere"),
    called("5", "fails"),
    called("6", "throws"),
    called("7", "large"),
    called("8", "circular"),
    called("9", "silent", ""),
    called("10", "slow"),
    called("11", "silent"),
  ];
  const { url } = await answering(t, [calls, "well"]);
  const output = await runTools(client(url), { messages, tools, limits: { timeout: 50, resultBytes: 79, calls: 10 } });
  const reported = got(output).map((text) => (text.startsWith("{") ? Object.values(JSON.parse(text)) : text));
  assert.deepEqual(reported, [
    ["bad_arguments", "`city`: Invalid input: expected string, received number"],
    ["bad_arguments", "the arguments are not JSON: they end before their JSON is whole"],
    ["bad_arguments", "the arguments are not JSON: unexpected text at character 1"],
    ["unknown_tool", "there is no tool `nowhere`; the tools are: get_weather, fails, throws, large, circular, silent, slow"],
    ["failed", "no station there"],
    ["failed", "a word"],
    ["too_large", "the result has 80 bytes, more than the cap of 79; ask for less"],
    ["failed", "the result could not be written as JSON: Converting circular structure to JSON"],
    "null",
    ["timed_out", "the call took longer than 0.05 seconds and was given up"],
    ["too_many_calls", "only the first 10 calls of an answer are run"],
  ]);
  assert.deepEqual([output.end, output.calls, output.failures], ["answered", 11, 10]);
});

test("calls of an answer run side by side, as many as may, and results keep their order", async (t) => {
  let [running, most] = [0, 0];
  const run = async ({ ms }) => {
    most = Math.max(most, ++running);
    await sleep(ms);
    running--;
    return String(ms);
  };
  const calls = [60, 10, 30, 5, 1].map((ms, at) => called(String(at), "wait", { ms }));
  const { url } = await answering(t, [calls, "done"]);
  const ran = runTools(client(url), { messages, tools: [{ name: "wait", parameters: z.object({ ms: z.number() }), run }], limits: { parallel: 2 } });
  const finished = (await all(ran)).filter(({ type }) => type === "finished").map(({ call }) => call.id);
  assert.equal(most, 2);
  assert.equal(finished[0], "1");
  assert.deepEqual(got(await ran), ["60", "10", "30", "5", "1"]);
});

test("a run ends by its limits without an error", async (t) => {
  const { url, seen } = await answering(t, [[called("", "get_weather", { city: "a" }), called("", "get_weather", { city: "b" })]]);
  const output = await runTools(client(url), { messages, tools: [weather], tool_choice: "required", limits: { rounds: 3 } });
  assert.deepEqual([output.end, output.rounds, output.calls, output.failures], ["round_limit", 3, 6, 2]);
  assert.deepEqual(output.messages.filter(({ role }) => role === "tool").map(({ tool_call_id: id }) => id), ["call_1_0", "call_1_1", "call_2_0", "call_2_1", "call_3_0", "call_3_1"]);
  assert.equal(JSON.parse(got(output).at(-1)).error, "not_run");
  // A model that had to call a tool need not do so again.
  assert.deepEqual(seen.map(({ body }) => body.tool_choice), ["required", "auto", "auto"]);
  const failing = [{ name: "get_weather", run: () => Promise.reject(new Error("no")) }];
  const stopped = await runTools(client(url), { messages, tools: failing, limits: { stopOnFailure: true, parallel: 1 } });
  assert.deepEqual([stopped.end, got(stopped).map((text) => JSON.parse(text).error)], ["tool_failed", ["failed", "not_run"]]);
});

test("calls that nobody could read end the run, and a form is asked for last", async (t) => {
  const unread = await server(t, (request, response) => {
    events(response);
    response.end(event(chunk({ content: "hm" }, { finish_reason: "tool_calls" })) + event("[DONE]"));
  });
  assert.equal((await runTools(client(unread.url), { messages, tools: [weather] })).end, "unreadable");
  const { url, seen } = await answering(t, [[called("a", "get_weather", { city: "Oslo" })], "It rains.", '{"sky": "rain"}']);
  const response_format = { type: "json_schema", json_schema: { type: "object" } };
  const output = await runTools(client(url), { messages, tools: [weather], response_format });
  assert.deepEqual([output.end, output.text, output.rounds], ["answered", '{"sky": "rain"}', 3]);
  assert.deepEqual(seen.map(({ body }) => [body.response_format?.type, body.tool_choice]), [[undefined, undefined], [undefined, undefined], ["json_schema", "none"]]);
  assert.equal(output.messages.some(({ content }) => content === "It rains."), false);
});

test("giving up ends the generation and the calls, whichever way", async (t) => {
  const { url, seen } = await answering(t, [[called("a", "slow")]]);
  const reasons = [];
  const controller = new AbortController();
  let started = () => controller.abort("enough");
  const run = (_, { signal, call }) => new Promise(() => {
    signal.addEventListener("abort", () => reasons.push([call.id, signal.reason]));
    started();
  });
  const slow = { name: "slow", run };
  const aborted = runTools(client(url), { messages, tools: [slow] }, { signal: controller.signal });
  await assert.rejects(aborted.result(), (error) => {
    assert.deepEqual([error.name, error.code, error.cause, error.partial.end, error.partial.rounds], ["AbortError", "cancelled", "enough", "unfinished", 1]);
    return true;
  });
  started = () => {};
  const left = runTools(client(url), { messages, tools: [slow] });
  for await (const { type } of left) if (type === "started") break;
  await assert.rejects(left.result(), { name: "AbortError" });
  const own = runTools(client(url), { messages, tools: [slow] });
  for await (const { type } of own) {
    if (type === "started") own.abort("mine");
  }
  await assert.rejects(own.result(), { name: "AbortError", cause: "mine" });
  assert.deepEqual(reasons.map(([id]) => id), ["a", "a", "a"]);
  assert.equal(seen.length, 3);
});

test("what cannot be run is refused, and errors have what was there", async (t) => {
  const { url, seen } = await answering(t, ["a"]);
  const refused = (request, message) => assert.rejects(runTools(client(url), request).result(), { kind: "misuse", message });
  await refused(undefined, "the request must be an object");
  await refused({ messages, tools: 5 }, "`tools` must be a list of tools, or an object of them by name");
  await refused({ messages, tools: [{ name: "a" }] }, "the tool `a` has no function `run`");
  await refused({ messages, tools: [{ run() {} }] }, "each tool needs a `name`");
  await refused({ messages, tools: [], n: 2 }, "a run with tools requires a single choice; leave `n` unset");
  await refused({ messages, tools: [], limits: { rounds: "three" } }, "`limits.rounds` must be a number of at least 1, or `Infinity`");
  assert.equal(seen.length, 0);
  const wrong = await emulator(t);
  await assert.rejects(runTools(new Tabby({ baseURL: wrong.url, apiKey: "wrong" }), { messages, tools: [weather] }).result(), (error) => {
    assert.deepEqual([error.status, error.partial.rounds, error.partial.messages], [401, 0, messages]);
    return true;
  });
  const run = runTools(client(url), { messages, tools: [weather] });
  run[Symbol.asyncIterator]();
  assert.throws(() => run[Symbol.asyncIterator](), { code: "stream_in_use" });
  assert.equal((await withTools(client(url)).chat.runTools({ messages, tools: [weather] })).text, "a");
});

test("the rounds can be driven by hand", () => {
  const loop = new ToolLoop({ messages }, [weather]);
  assert.equal(loop.step().ask.messages.length, 1);
  loop.answer({ choices: [{ message: { tool_calls: [called("a", "get_weather", {})] }, finish_reason: "tool_calls" }] });
  assert.equal(loop.step().index, 0);
  assert.deepEqual(loop.step(), {});
  assert.throws(() => loop.result(1, { text: "" }), { kind: "misuse" });
  assert.throws(() => loop.answer({}), { kind: "misuse" });
  loop.result(0, { text: "rain" });
  assert.equal(loop.step().ask.messages.length, 3);
  loop.answer({ choices: [{ message: { content: "It rains." }, finish_reason: "stop" }] });
  assert.deepEqual([loop.step().end, loop.output().text], ["answered", "It rains."]);
});
