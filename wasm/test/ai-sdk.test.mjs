// The provider for the Vercel AI SDK: what its programs do, against the emulated server; and what the same programs come to on
// `@ai-sdk/openai-compatible`, which is held here so that a change of it is noticed.
import assert from "node:assert/strict";
import test from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, ToolLoopAgent, embed, embedMany, generateText, streamText, tool } from "ai";
import { z } from "zod";
import { createTabby } from "../dist/ai-sdk.js";
import { API_KEY, all, chunk, emulator, event, events, json, server } from "./support.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const provider = (url, more) => createTabby({ baseURL: url, apiKey: API_KEY, maxRetries: 0, ...more });
const compatible = (url, apiKey = API_KEY) => createOpenAICompatible({ name: "tabby", baseURL: `${url}/v1`, apiKey });
const prompt = "hi there";
const script = (value) => `[[fake:${JSON.stringify(value)}]]`;
const CITY = z.object({ zip: z.string(), name: z.string() });

/** A server that answers with these messages in turn. */
async function answering(t, messages, more = {}) {
  const made = await server(t, (request, response, count) => {
    const message = messages[Math.min(count, messages.length) - 1];
    const finish_reason = message.tool_calls ? "tool_calls" : "stop";
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, completion_tokens_per_sec: 50, prompt_tokens_details: { cached_tokens: 4 } };
    const choice = { index: 0, finish_reason, eos_reason: "stop_token", ...more };
    const head = { id: `c${count}`, created: 7, model: "m" };
    if (!made.seen[count - 1].body.stream) {
      return json(response, 200, { ...head, object: "chat.completion", choices: [{ ...choice, message: { role: "assistant", ...message } }], usage });
    }
    events(response);
    return response.end(event(chunk(message)) + event({ ...chunk({}, choice), usage }) + event("[DONE]"));
  });
  return made;
}

test("texts are generated and streamed, with usage, reasons and rates", async (t) => {
  const { url } = await emulator(t);
  const model = provider(url)("any");
  const { text, usage, finishReason, providerMetadata, response, warnings } = await generateText({ model, prompt, maxOutputTokens: 100, topK: 20, seed: 5, presencePenalty: -1 });
  assert.equal(text, "Echo: hi there");
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  assert.deepEqual([finishReason, providerMetadata.tabbyapi.eosReason, response.modelId], ["stop", "stop_token", "alpha-7B-exl3"]);
  assert.equal(typeof providerMetadata.tabbyapi.totalTime, "number");
  assert.deepEqual(warnings.map(({ feature }) => feature), ["presencePenalty", "seed"]);
  const streamed = streamText({ model, prompt, maxOutputTokens: 100 });
  const pieces = await all(streamed.textStream);
  assert.deepEqual([pieces.join(""), pieces.length > 3, await streamed.finishReason], ["Echo: hi there", true, "stop"]);
  assert.ok((await streamed.usage).totalTokens > 0);
});

test("what a call sets is what the server is sent", async (t) => {
  const { url, seen } = await answering(t, [{ content: "x" }]);
  const bytes = new Uint8Array([137, 80, 78, 71]);
  const content = [{ type: "text", text: "see" }, { type: "file", mediaType: "image/png", data: bytes }, { type: "file", mediaType: "image/jpeg", data: new URL("http://127.0.0.1:1/a.jpg") }];
  await generateText({
    model: provider(url)("m"),
    messages: [{ role: "user", content }],
    ...{ maxOutputTokens: 9, temperature: 0.5, topP: 0.9, topK: 3, stopSequences: ["END"], frequencyPenalty: 0.1 },
    reasoning: "none",
    headers: { "x-own": "1" },
    providerOptions: { tabbyapi: { min_p: 0.05 } },
  });
  const { messages, stream, ...rest } = seen[0].body;
  assert.deepEqual(messages[0].content, [
    { type: "text", text: "see" },
    { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } },
    { type: "image_url", image_url: { url: "http://127.0.0.1:1/a.jpg" } },
  ]);
  const sent = { model: "m", max_tokens: 9, temperature: 0.5, top_p: 0.9, top_k: 3, stop: ["END"], frequency_penalty: 0.1, enable_thinking: false, min_p: 0.05, stream_options: { include_usage: true } };
  assert.deepEqual([rest, seen[0].headers["x-own"]], [sent, "1"]);
});

test("reasoning is apart from the text, whole and streamed", async (t) => {
  const { url } = await emulator(t);
  const model = provider(url)();
  const asked = { model, prompt, maxOutputTokens: 200, reasoning: "medium" };
  const { reasoningText, text } = await generateText(asked);
  assert.ok(reasoningText.length > 0);
  assert.equal(text.trim(), "Echo: hi there");
  const kinds = (await all(streamText(asked).fullStream)).map(({ type }) => type);
  const once = kinds.filter((kind, at) => kind !== kinds[at - 1] && /reasoning|text/.test(kind));
  assert.deepEqual(once, ["reasoning-start", "reasoning-delta", "reasoning-end", "text-start", "text-delta", "text-end"]);
});

test("objects are held to their schema by the server", async (t) => {
  const { url } = await emulator(t);
  const model = provider(url)();
  const { output } = await generateText({ model, prompt, maxOutputTokens: 300, output: Output.object({ schema: CITY }) });
  assert.deepEqual(Object.keys(output), ["zip", "name"]);
  const streamed = streamText({ model, prompt, maxOutputTokens: 300, output: Output.object({ schema: CITY }) });
  const partial = await all(streamed.partialOutputStream);
  assert.ok(partial.length > 1);
  assert.deepEqual(await streamed.output, output);
});

for (const isStreamed of [false, true]) {
  test(`an agent runs tools in a loop, with an object at its end${isStreamed ? ", streamed" : ""}`, async (t) => {
    const calls = [{ id: "", type: "function", index: 0, function: { name: "weather", arguments: '{"city": "Oslo"}' } }];
    const { url, seen } = await answering(t, [{ content: null, tool_calls: calls }, { content: "It rains." }, { content: '{"zip": "1", "name": "Oslo"}' }]);
    const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => ({ city, sky: "rain" }) });
    const agent = new ToolLoopAgent({ model: provider(url)(), tools: { weather }, output: Output.object({ schema: CITY }) });
    const result = await (isStreamed ? agent.stream({ prompt }) : agent.generate({ prompt }));
    assert.deepEqual(await result.output, { zip: "1", name: "Oslo" });
    assert.equal((await result.steps).length, 2);
    const bodies = seen.map(({ body }) => body);
    assert.deepEqual(bodies.map(({ response_format, tool_choice }) => [response_format?.type, tool_choice]), [[undefined, "auto"], [undefined, "auto"], ["json_schema", "none"]]);
    assert.deepEqual(bodies[0].tools[0].function.description, "Weather.");
    const [call, answer] = bodies[1].messages.slice(-2);
    assert.equal(call.tool_calls[0].id, answer.tool_call_id);
    assert.equal(answer.content, '{"city":"Oslo","sky":"rain"}');
  });
}

test("vectors", async (t) => {
  const { url } = await emulator(t);
  const model = provider(url).embeddingModel();
  const { embeddings } = await embedMany({ model, values: Array.from({ length: 300 }, (_, at) => `text ${at}`) });
  assert.deepEqual([embeddings.length, embeddings[7].length], [300, 384]);
  assert.deepEqual((await embed({ model, value: "text 7" })).embedding, embeddings[7]);
});

test("errors keep what the server said, and an abort is one", async (t) => {
  const { url, seen } = await emulator(t, "--token-delay-ms", "20");
  const wrong = await generateText({ model: provider(url, { apiKey: "wrong-key" })(), prompt }).catch((error) => error);
  assert.ok(APICallError.isInstance(wrong));
  assert.deepEqual([wrong.statusCode, wrong.isRetryable, wrong.cause.code], [401, false, "invalid_key"]);
  assert.match(wrong.message, /Invalid API key/);
  const parts = await all(streamText({ model: provider(url)(), prompt: `${prompt} ${script({ fail: "within", fail_at: 3 })}`, onError() {} }).fullStream);
  const { error } = parts.find(({ type }) => type === "error");
  assert.ok(APICallError.isInstance(error));
  const controller = new AbortController();
  const streamed = streamText({ model: provider(url)(), prompt: "words ".repeat(99), maxOutputTokens: 500, abortSignal: controller.signal });
  const kinds = [];
  for await (const { type } of streamed.fullStream) {
    kinds.push(type);
    if (type === "text-delta") controller.abort();
  }
  assert.equal(kinds.at(-1), "abort");
  await seen("disconnect POST /v1/chat/completions");
  const late = new AbortController();
  setTimeout(() => late.abort(), 60);
  await assert.rejects(generateText({ model: provider(url)(), prompt: "words ".repeat(99), maxOutputTokens: 500, abortSignal: late.signal }), { name: "AbortError" });
  assert.throws(() => provider(url).imageModel("x"), { name: "AI_NoSuchModelError" });
});

test("the same on @ai-sdk/openai-compatible goes wrong", async (t) => {
  const { url } = await emulator(t);
  const model = compatible(url)("any");
  // Objects: `json_object` goes out, which the server ignores.
  const { text } = await generateText({ model, prompt, maxOutputTokens: 300, output: Output.json() }).catch((error) => error);
  assert.equal(text, "Echo: hi there");
  const { url: spy, seen } = await answering(t, [{ content: "x" }]);
  const asked = { model: compatible(spy)("any"), prompt, topK: 3 };
  const { warnings, providerMetadata, usage } = await generateText({ ...asked, reasoning: "none" });
  const [{ body }] = seen;
  assert.equal("top_k" in body, false, "topK is dropped");
  assert.ok(warnings.some(({ feature }) => feature === "topK"));
  assert.equal("enable_thinking" in body, false, "no reasoning is not asked for");
  assert.equal(providerMetadata?.tabby?.eosReason, undefined, "what ended the answer is lost");
  assert.equal(usage.outputTokens, 5);
  // A tool without a description is refused by the server.
  const weather = tool({ inputSchema: z.object({}), execute: async () => "rain" });
  await assert.rejects(generateText({ model, prompt, tools: { weather } }), { statusCode: 422 });
  // What the server says of an error is lost.
  const wrong = await generateText({ model: compatible(url, "wrong-key")("any"), prompt, maxRetries: 0 }).catch((error) => error);
  assert.doesNotMatch(wrong.message, /Invalid API key/);
});

/** The same program on both providers: what it came to, and the last body that was sent. */
async function both(url, seen, program) {
  const outcomes = {};
  for (const [name, model] of [["ours", provider(url)("m")], ["theirs", compatible(url)("m")]]) {
    const outcome = await program(model).catch((error) => ({ error }));
    outcomes[name] = { ...outcome, body: seen.filter(({ body }) => body).at(-1)?.body };
  }
  return outcomes;
}

test("on @ai-sdk/openai-compatible the address of an image does not reach the server", async (t) => {
  const { url, seen } = await answering(t, [{ content: "x" }]);
  const image = new URL("http://127.0.0.1:1/a.jpg");
  const content = [{ type: "file", mediaType: "image/jpeg", data: image }];
  const { ours, theirs } = await both(url, seen, (model) => generateText({ model, messages: [{ role: "user", content }], maxRetries: 0 }));
  assert.deepEqual(ours.body.messages[0].content, [{ type: "image_url", image_url: { url: image.href } }]);
  // It is downloaded by the program, which cannot be done with addresses that only the server can reach.
  assert.match(theirs.error.message, /127\.0\.0\.1/);
  assert.equal(seen.length, 1);
});

test("on @ai-sdk/openai-compatible an answer with -Infinity is an error", async (t) => {
  const { url, seen } = await server(t, (_, response, count) => {
    const { stream } = seen[count - 1].body;
    const logprobs = { content: [{ token: "x", logprob: "@", top_logprobs: [] }] };
    const choice = { index: 0, finish_reason: "stop", logprobs };
    const whole = { id: "c", object: "chat.completion", created: 7, model: "m", choices: [{ ...choice, message: { role: "assistant", content: "x" } }] };
    const written = JSON.stringify(stream ? { ...chunk({ content: "x" }, choice) } : whole).replace('"@"', "-Infinity");
    if (!stream) return response.writeHead(200, { "content-type": "application/json" }).end(written);
    events(response);
    return response.end(event(written) + event("[DONE]"));
  });
  const whole = await both(url, seen, (model) => generateText({ model, prompt, maxRetries: 0 }));
  assert.deepEqual([whole.ours.error, await whole.ours.steps?.[0]?.text], [undefined, "x"]);
  assert.ok(APICallError.isInstance(whole.theirs.error), String(whole.theirs.error));
  const streamed = await both(url, seen, async (model) => {
    const parts = await all(streamText({ model, prompt, maxRetries: 0, onError() {} }).fullStream);
    return { text: parts.filter(({ type }) => type === "text-delta").map(({ text }) => text).join(""), failed: parts.some(({ type }) => type === "error") };
  });
  assert.deepEqual([streamed.ours.text, streamed.ours.failed], ["x", false]);
  assert.deepEqual([streamed.theirs.text, streamed.theirs.failed], ["", true]);
});

test("on @ai-sdk/openai-compatible streams have no usage", async (t) => {
  const { url } = await emulator(t);
  const usageOf = async (model) => {
    const streamed = streamText({ model, prompt, maxOutputTokens: 100 });
    await streamed.consumeStream();
    const { inputTokens, outputTokens, totalTokens } = await streamed.usage;
    return [inputTokens, outputTokens, totalTokens];
  };
  const [input, output, total] = await usageOf(provider(url)("any"));
  assert.ok(input > 0 && output > 0 && total === input + output, `${input} ${output} ${total}`);
  assert.deepEqual(await usageOf(compatible(url)("any")), [undefined, undefined, undefined]);
});
