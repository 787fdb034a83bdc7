// Token estimates, and conversations that fit: the numbers of the Rust library, which tests/estimate.rs writes down.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Estimator, calibrate, fit, fitInto, fitLoaded, requestTokens } from "../dist/estimate.js";
import { Tabby } from "../dist/node.js";
import { API_KEY, ask, emulator, json, server } from "./support.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(`../../tests/estimate/${name}`, import.meta.url), "utf8"));
const [samples, requests, written] = [read("samples.json"), read("requests.json"), read("estimates.json")];
const numbers = ({ low, tokens, high }) => [low, tokens, high];

const plain = new Estimator();
const calibrated = plain.calibrate(samples.filter((_, at) => at % 3 === 0).map(({ text, counts }) => [text, counts.llama3]));
const scaled = new Estimator({ imageTokens: 256 }).calibrate([[samples[0].text, samples[0].counts.llama2]]);

test("texts have the estimates of the Rust library", () => {
  assert.deepEqual([calibrated.factor, calibrated.bound], [written.factor, written.bound]);
  assert.ok(written.texts.length > samples.length);
  for (const [text, ...expected] of written.texts) {
    assert.deepEqual([plain, calibrated, scaled].map((estimator) => numbers(estimator.text(text))), expected, JSON.stringify(text));
  }
  assert.deepEqual([scaled.bound, plain.calibrate([["", 3], ["x", 0]]).factor], [undefined, 1]);
});

test("requests have them, and the same turns are left out", () => {
  assert.equal(written.requests.length, requests.length);
  for (const [at, request] of requests.entries()) {
    const { estimate, images, fits, fitted } = written.requests[at];
    assert.deepEqual([numbers(plain.request(request)), numbers(scaled.request(request))], [estimate, images], `request ${at}`);
    const droppedIn = (model) => {
      try {
        return fitInto(request, model, plain);
      } catch (error) {
        assert.equal(error.code, "conversation_too_long");
        return undefined;
      }
    };
    for (const [context, dropped] of fits) assert.equal(droppedIn(context)?.dropped ?? null, dropped, `request ${at} in ${context}`);
    const made = droppedIn({ max_seq_len: 4096, cache_size: 4352, chunk_size: 2048 });
    assert.deepEqual(made ? [made.dropped, numbers(made.estimate)] : null, fitted, `request ${at}`);
  }
});

test("rate limits count the tokens that the Rust library counts", () => {
  for (const [service, request, tokens] of read("tokens.json")) assert.equal(requestTokens(request), tokens, `${service} ${JSON.stringify(request)}`);
  // Tokens in place of texts are as many as there are.
  assert.equal(requestTokens({ prompt: [1, 2, 3], max_tokens: 4, n: 2 }), 11);
  assert.equal(requestTokens({ prompt: [[1, 2], [3]], max_tokens: 4 }), 11);
});

test("what cannot be estimated is named", async (t) => {
  const plain = new Estimator();
  const isMisuse = (words) => (error) => error.code === "misuse" && words.test(error.message);
  for (const odd of [undefined, null, {}, "hi"]) assert.throws(() => plain.request(odd), isMisuse(/`messages` must be a list/));
  for (const odd of [undefined, null, "hi"]) {
    assert.throws(() => plain.messages([odd]), isMisuse(/a message to estimate must be an object/));
    assert.throws(() => requestTokens(odd), isMisuse(/the request must be an object/));
    assert.throws(() => fitInto(odd, 100), isMisuse(/`messages` must be a list/));
    await assert.rejects(fitLoaded(odd, ask()), isMisuse(/the first argument must be a client/));
  }
  assert.throws(() => fit(ask().messages), isMisuse(/`budget` is missing/));
  await assert.rejects(fitLoaded(ask()), isMisuse(/the first argument must be a client/));
  await assert.rejects(calibrate("text", []), isMisuse(/the first argument must be a client/));
  const { url } = await emulator(t);
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY });
  await assert.rejects(calibrate(tabby, "text"), isMisuse(/`texts` must be a list of texts/));
  // The card of a model in the place of its sizes.
  const card = await tabby.models.current();
  assert.deepEqual(fitInto(ask(), card), fitInto(ask(), card.parameters));
});

test("what is kept are the latest turns, whole, and all instructions", () => {
  const [{ messages }] = requests;
  const { estimate: all } = fit(messages, Infinity);
  for (let budget = 0; budget <= all.high; budget += 7) {
    let fitted;
    try {
      fitted = fit(messages, budget);
    } catch (error) {
      assert.deepEqual([error.kind, error.code], ["encode", "conversation_too_long"]);
      assert.match(error.message, /^the conversation does not fit: .* tokens of \d+; shorten the last message/);
      continue;
    }
    assert.ok(fitted.estimate.high <= budget);
    assert.deepEqual(fitted.messages, [messages[0], ...messages.slice(1 + fitted.dropped)]);
    assert.equal(fitted.messages[1].role, "user");
  }
  assert.deepEqual(fit([], 100).messages, []);
});

test("a loaded model's sizes and counts are asked for", async (t) => {
  const { url } = await emulator(t);
  const tabby = new Tabby({ baseURL: url, apiKey: API_KEY });
  const { parameters } = await tabby.models.current();
  const request = { messages: Array.from({ length: 4000 }, (_, at) => ({ role: at % 2 ? "assistant" : "user", content: `Message ${at} of many.` })).slice(0, 3999) };
  const fitted = await fitLoaded(tabby, request);
  assert.ok(fitted.dropped > 0 && fitted.messages.length > 0);
  assert.deepEqual(fitted, fitInto(request, parameters));
  await tabby.chat.create({ ...ask(), messages: fitted.messages });
  const texts = ["one two three", "one two three four", "one two three four five"];
  const counts = await Promise.all(texts.map(async (text) => [text, (await tabby.tokens.encode({ text, add_bos_token: false })).length]));
  assert.deepEqual(await calibrate(tabby, texts), plain.calibrate(counts));
  // A server that says it elsewhere, and one that does not.
  const other = await server(t, (request, response) => json(response, 200, request.url.endsWith("/props") ? { default_generation_settings: { n_ctx: 64 } } : { id: "m", object: "model" }));
  const small = await fitLoaded(new Tabby({ baseURL: other.url }), { messages: [...request.messages.slice(0, 3)] });
  assert.equal(small.dropped, 2);
  assert.throws(() => fitInto(request, {}), { code: "no_context" });
  assert.throws(() => fitInto(request, undefined), { code: "no_context" });
});

test("what is no text or list is an error of this package; long and odd texts take no long time", () => {
  for (const odd of [undefined, null, 5, {}, ["a"]]) assert.throws(() => plain.text(odd), { code: "misuse", name: "TabbyError" });
  assert.throws(() => fit("messages", 10), { code: "misuse" });
  assert.throws(() => fit([], -1), { code: "invalid_option" });
  assert.throws(() => new Estimator({ imageTokens: NaN }), { code: "invalid_option" });
  const began = performance.now();
  for (const text of ["<".repeat(1_000_000), "<x".repeat(500_000), "[A".repeat(500_000), "字".repeat(300_000), "\ud800".repeat(100_000)]) {
    const { low, tokens, high } = plain.text(text);
    assert.ok(low >= 1 && low <= tokens && tokens <= high && high <= new TextEncoder().encode(text).length + 1);
  }
  assert.ok(performance.now() - began < 20_000);
});
