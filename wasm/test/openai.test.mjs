// The face of npm `openai`: what programs written for it rely on, against the emulated server.
import assert from "node:assert/strict";
import test from "node:test";
import { z } from "zod";
import OpenAI, * as openai from "../dist/openai.js";
import { API_KEY, all, chunk, emulator, event, events, json, server } from "./support.mjs";

const messages = [{ role: "user", content: "hi there" }];
const client = (url, more) => new OpenAI({ baseURL: `${url}/v1`, apiKey: API_KEY, maxRetries: 0, ...more });
const reported = (list) => list.map(({ choices }) => choices[0].delta.content ?? "").join("");

test("answers, whole and streamed, and what came around them", async (t) => {
  const { url } = await emulator(t);
  const { chat, completions, embeddings, models } = client(url);
  const request = { model: "any", messages, max_tokens: 100 };
  const answer = await chat.completions.create(request);
  assert.deepEqual([answer.choices[0].message.content, answer.choices[0].message.refusal, answer.choices[0].logprobs], ["Echo: hi there", null, null]);
  assert.ok(answer.usage.total_tokens > 0);
  const chunks = await all(await chat.completions.create({ ...request, stream: true }));
  assert.equal(reported(chunks), "Echo: hi there");
  // Programs look at `choices[0]` of each chunk, unless they have asked for usage.
  assert.ok(chunks.every(({ choices }) => choices.length > 0));
  assert.ok((await all(await chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } }))).some(({ usage }) => usage));
  const { data, response, request_id } = await chat.completions.create(request).withResponse();
  assert.deepEqual([data.object, response.status, request_id, (await response.json()).id], ["chat.completion", 200, null, data.id]);
  const raw = await chat.completions.create({ ...request, stream: true }).asResponse();
  assert.match(await raw.text(), /^data: \{.*\}\n\ndata: [^]*data: \[DONE\]\n\n$/);
  assert.ok((await completions.create({ model: "any", prompt: "Once", max_tokens: 8 })).choices[0].text);
  assert.ok((await all(await completions.create({ model: "any", prompt: "Once", max_tokens: 8, stream: true }))).length > 1);
  const vectors = await embeddings.create({ model: "any", input: ["a", "b"] });
  assert.ok(Array.isArray(vectors.data[1].embedding));
  const { data: [{ embedding }] } = await embeddings.create({ model: "any", input: "a", encoding_format: "base64" });
  const bytes = Buffer.from(embedding, "base64");
  assert.deepEqual([...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))], vectors.data[0].embedding);
  assert.deepEqual((await models.list()).data.map(({ id }) => id), (await all(models.list())).map(({ id }) => id));
  const streamed = await chat.completions.create({ ...request, stream: true }).withResponse();
  assert.deepEqual([streamed.response.status, reported(await all(streamed.data))], [200, "Echo: hi there"]);
  assert.equal((await models.retrieve("alpha-7B-exl3")).id, "alpha-7B-exl3");
});

test("errors are of the classes that programs look for", async (t) => {
  const { url } = await emulator(t);
  const wrong = await client(url, { apiKey: "wrong-key" }).models.list().catch((error) => error);
  assert.ok(wrong instanceof OpenAI.AuthenticationError && wrong instanceof openai.APIError && wrong instanceof Error);
  assert.deepEqual([wrong.status, wrong.message, wrong.code, wrong.cause.kind], [401, "401 Invalid API key", "invalid_key", "server"]);
  await assert.rejects(client(url).models.retrieve("none"), OpenAI.NotFoundError);
  await assert.rejects(client(url).chat.completions.create({ messages: 5 }), OpenAI.UnprocessableEntityError);
  await assert.rejects(client("http://127.0.0.1:1").models.list(), OpenAI.APIConnectionError);
  const limited = await server(t, (request, response) => json(response, 429, { error: { message: "slow down", code: "rate", type: "limit", param: "p" } }, { "x-request-id": "r1" }));
  await assert.rejects(client(limited.url).chat.completions.create({ messages, stream: true }), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.deepEqual([error.message, error.code, error.type, error.param, error.requestID, error.error.message], ["429 slow down", "rate", "limit", "p", "r1", "slow down"]);
    return true;
  });
  const silent = await server(t, () => {});
  await assert.rejects(client(silent.url).chat.completions.create({ messages }, { timeout: 50 }), OpenAI.APIConnectionTimeoutError);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(client(silent.url).chat.completions.create({ messages }, { signal: controller.signal }), OpenAI.APIUserAbortError);
  assert.throws(() => client(url).responses, /TabbyAPI has no `responses`/);
  for (const odd of [undefined, null, "hi"]) {
    const { chat, completions, embeddings } = client(url);
    for (const made of [chat.completions.create(odd), chat.completions.parse(odd), completions.create(odd), embeddings.create(odd)]) {
      await assert.rejects(made, (error) => error instanceof openai.OpenAIError && error.message === "the request must be an object");
    }
    for (const name of ["stream", "runTools"]) assert.throws(() => chat.completions[name](odd), { message: "the request must be an object" });
  }
  assert.throws(() => client(url).conversations, /TabbyAPI has no `conversations`/);
  assert.throws(() => client(url).chat.completions.retrieve("1"), /TabbyAPI has no `chat\.completions\.retrieve`; there are `chat\.completions` \(`create`, /);
  assert.throws(() => client(url).chat.completions.messages.list("1"), openai.OpenAIError);
  assert.throws(() => client(url).models.delete("m"), /TabbyAPI has no `models\.delete`.*`client\.request` for any other route/);
});

test("options of clients and calls, and the environment", async (t) => {
  const { url, seen } = await server(t, (request, response) => json(response, 200, { object: "list", data: [] }));
  const one = client(url, { defaultHeaders: { "x-one": "1", "x-two": null }, defaultQuery: { a: "b" } });
  await one.models.list({ headers: { "x-two": "2" }, query: { c: 5, d: undefined } });
  assert.deepEqual([seen[0].url, seen[0].headers["x-one"], seen[0].headers["x-two"], seen[0].headers.authorization], ["/v1/models?a=b&c=5", "1", "2", `Bearer ${API_KEY}`]);
  const two = one.withOptions({ maxRetries: 5, apiKey: async () => "another-key" });
  assert.deepEqual([two.maxRetries, two.baseURL, one.maxRetries], [5, one.baseURL, 0]);
  await two.post("/things", { body: { x: 1 } });
  assert.deepEqual([seen[1].method, seen[1].url, seen[1].body, seen[1].headers.authorization], ["POST", "/v1/things?a=b", { x: 1 }, "Bearer another-key"]);
  const kept = { ...process.env };
  Object.assign(process.env, { OPENAI_BASE_URL: "  ", TABBY_URL: url, TABBY_API_KEY: "key-of-tabby", OPENAI_LOG: "debug" });
  try {
    const lines = [];
    const logger = { debug: (line) => lines.push(line), info() {}, warn() {}, error() {} };
    const made = new OpenAI({ logger });
    assert.deepEqual([made.baseURL, made.apiKey, made.logLevel], [url, "key-of-tabby", "debug"]);
    await made.models.list();
    assert.equal(seen[2].headers.authorization, "Bearer key-of-tabby");
    assert.ok(lines.length >= 2 && lines.every((line) => !line.includes("key-of-tabby")));
  } finally {
    process.env = kept;
  }
});

test("a streamed answer has events, a loop, and finals", async (t) => {
  const { url } = await emulator(t);
  const stream = client(url).chat.completions.stream({ model: "any", messages, max_tokens: 100 });
  const seen = [];
  for (const name of ["connect", "content", "message", "chatCompletion", "finalContent", "finalMessage", "finalChatCompletion", "totalUsage", "end"]) stream.on(name, () => seen.at(-1) !== name && seen.push(name));
  let last;
  stream.on("content", (_, snapshot) => (last = snapshot));
  assert.equal(reported(await all(stream)), "Echo: hi there");
  assert.deepEqual(seen, ["connect", "content", "chatCompletion", "message", "finalChatCompletion", "finalMessage", "finalContent", "totalUsage", "end"]);
  assert.equal(last, "Echo: hi there");
  assert.equal(await stream.finalContent(), "Echo: hi there");
  assert.ok((await stream.totalUsage()).total_tokens > 0);
  const relayed = openai.ChatCompletionStream.fromReadableStream(client(url).chat.completions.stream({ messages, max_tokens: 100 }).toReadableStream());
  assert.equal((await relayed.finalMessage()).content, "Echo: hi there");
  const left = client(url).chat.completions.stream({ messages: [{ role: "user", content: "words ".repeat(99) }], max_tokens: 500 });
  for await (const _ of left) break;
  await assert.rejects(left.done(), OpenAI.APIUserAbortError);
  assert.ok(left.aborted && left.errored && left.ended);
  const failing = client(url, { apiKey: "wrong-key" }).chat.completions.stream({ messages });
  await assert.rejects(all(failing), OpenAI.AuthenticationError);
});

test("texts and arguments are parsed", async (t) => {
  const { url } = await server(t, (request, response, count) => {
    const tool_calls = [{ id: "a", type: "function", function: { name: "f", arguments: '{"x": 1}' } }];
    const message = count === 1 ? { role: "assistant", content: '{"name": "Oslo"}' } : { role: "assistant", content: null, tool_calls };
    const finish_reason = count === 3 ? "length" : "stop";
    json(response, 200, { id: "1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message, finish_reason }] });
  });
  const response_format = openai.responseFormat(z.object({ name: z.string() }), "city");
  const { choices } = await client(url).chat.completions.parse({ messages, response_format });
  assert.deepEqual(choices[0].message.parsed, { name: "Oslo" });
  const tools = [{ type: "function", function: { name: "f", parameters: {}, strict: true } }];
  const called = await client(url).chat.completions.parse({ messages, tools });
  assert.deepEqual([called.choices[0].message.parsed, called.choices[0].message.tool_calls[0].function.parsed_arguments], [null, { x: 1 }]);
  await assert.rejects(client(url).chat.completions.parse({ messages, response_format }), openai.LengthFinishReasonError);
});

test("calls without a function, and of another kind, are no failure", async (t) => {
  const tool_calls = [{ id: "a", type: "custom", custom: { name: "code", input: "1" } }, { id: "b", type: "function" }, { id: "c", function: { name: "f" } }];
  const { url } = await server(t, (_, response) => {
    json(response, 200, { id: "1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: null, tool_calls }, finish_reason: "tool_calls" }] });
  });
  const { choices } = await client(url).chat.completions.parse({ messages, tools: [{ type: "function", function: { name: "f", parameters: {} } }] });
  const [custom, empty, named] = choices[0].message.tool_calls;
  assert.deepEqual(custom, tool_calls[0]);
  assert.deepEqual([empty.function.name, empty.function.arguments, named.function.arguments], ["", "", ""]);
});

for (const stream of [false, true]) {
  test(`tools run in rounds${stream ? ", streamed" : ""}`, async (t) => {
    const { url, seen } = await server(t, (request, response, count) => {
      const names = count === 1 ? ["weather", "nowhere", "parsed"] : [];
      const tool_calls = names.map((name, index) => ({ index, id: "", type: "function", function: { name, arguments: "{}" } }));
      const message = count === 1 ? { role: "assistant", content: null, tool_calls } : { role: "assistant", content: "It rains." };
      const finish_reason = count === 1 ? "tool_calls" : "stop";
      if (!stream) return json(response, 200, { id: `c${count}`, object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message, finish_reason }] });
      events(response);
      return response.end(event({ ...chunk(message), id: `c${count}` }) + event({ ...chunk({}, { finish_reason }), id: `c${count}` }) + event("[DONE]"));
    });
    const weather = { type: "function", function: { name: "weather", parameters: {}, function: (text, runner, context) => `${text} ${context}` } };
    const fail = () => {
      throw new Error("not like that");
    };
    const parsed = new openai.ParsingToolFunction({ name: "parsed", parameters: {}, parse: fail, function: () => "never" });
    const after = [];
    const run = client(url).chat.completions.runTools({ messages, tools: [weather, parsed], toolContext: "there", stream }, { afterCompletion: ({ id }) => after.push(id) });
    const results = [];
    run.on("functionToolCallResult", (content) => results.push(content));
    assert.equal(await run.finalContent(), "It rains.");
    assert.deepEqual(results, ["{} there", 'Invalid tool_call: "nowhere". Available options are: "weather", "parsed". Please try again', "not like that"]);
    assert.deepEqual(after, ["c1", "c2"]);
    const [first, second] = seen.map(({ body }) => body);
    assert.deepEqual(first.tools.map(({ function: { name, description } }) => [name, description]), [["weather", "Weather."], ["parsed", "Parsed."]]);
    assert.deepEqual(second.messages.slice(2).map(({ tool_call_id: id }) => id), ["call_c1_0", "call_c1_1", "call_c1_2"]);
    assert.deepEqual(second.messages[1].tool_calls[0], { id: "call_c1_0", type: "function", function: { name: "weather", arguments: "{}" } });
    const ending = client(url).chat.completions.runTools({ messages, tools: [weather], stream });
    ending.abort();
    await assert.rejects(ending.done(), OpenAI.APIUserAbortError);
  });
}

test("errors of parsing quote nothing of the model's text", async (t) => {
  const secret = "sk-synthetic-secret";
  const { url } = await server(t, (_, response, count) => {
    const tool_calls = [{ id: "a", type: "function", function: { name: "f", arguments: `["${secret}"` } }];
    const message = count === 2 ? { role: "assistant", content: null, tool_calls } : { role: "assistant", content: `["${secret}", ]` };
    json(response, 200, { id: "1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message, finish_reason: "stop" }] });
  });
  const isSafe = (error) => error instanceof SyntaxError && error.message === "Error reading response: invalid structured output JSON." && !error.stack.includes(secret);
  const ask = (more) => client(url).chat.completions.parse({ messages, ...more });
  await assert.rejects(ask({ response_format: { type: "json_schema", json_schema: { name: "x", schema: {} } } }), isSafe);
  await assert.rejects(ask({ tools: [{ type: "function", function: { name: "f", parameters: {}, strict: true } }] }), isSafe);
  await assert.rejects(ask({ response_format: openai.responseFormat(z.object({}), "x") }), isSafe);
  const lines = new Response(`{"a": 1}\n${secret}\n`).body;
  await assert.rejects(all(openai.Stream.fromReadableStream(lines)), (error) => !`${error.message}${error.stack}`.includes(secret));
});

test("a stream of a program's own iterator keeps the order of items that are asked for at once, and drops what is not for it", async () => {
  let at = 0;
  const numbers = () => ({ next: () => new Promise((resolve) => setTimeout(resolve, 5 - (at % 5), at < 10 ? { value: at++, done: false } : { value: undefined, done: true })) });
  const stream = new openai.Stream(numbers, new AbortController(), (value) => value % 3 !== 1);
  const items = stream[Symbol.asyncIterator]();
  const results = await Promise.all(Array.from({ length: 9 }, () => items.next()));
  assert.deepEqual(results.map(({ value, done }) => (done ? "end" : value)), [0, 2, 3, 5, 6, 8, 9, "end", "end"]);
  await assert.rejects(stream[Symbol.asyncIterator]().next(), openai.OpenAIError);
  // Leaving aborts.
  const left = new openai.Stream(() => ({ next: async () => ({ value: 1, done: false }) }));
  for await (const _ of left) break;
  assert.equal(left.controller.signal.aborted, true);
  const page = await new OpenAI({ baseURL: "http://tabby.test/v1", fetch: async () => Response.json({ object: "list", data: [] }) }).models.list();
  await assert.rejects(page.getNextPage(), openai.OpenAIError);
});
