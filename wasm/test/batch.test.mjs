// Vectors of many texts: split, side by side, in order, and what is kept when a part of them fails.
import assert from "node:assert/strict";
import test from "node:test";
import { PartialEmbeddingsError, embedMany } from "../dist/batch.js";
import { Tabby, TabbyError } from "../dist/node.js";
import { API_KEY, emulator, json, server, sleep } from "./support.mjs";

const client = (url) => new Tabby({ baseURL: url, apiKey: API_KEY, maxRetries: 0 });

/** A server whose vectors say which texts they are of; `odd` changes an answer. */
async function vectors(t, odd = () => {}) {
  let [running, most] = [0, 0];
  const made = await server(t, async (request, response, count) => {
    const { input } = made.seen[count - 1].body;
    most = Math.max(most, ++running);
    await sleep(20 - count);
    running--;
    const answer = { object: "list", model: "m", data: input.map((text, index) => ({ index, embedding: [Number(text), 1] })), usage: { prompt_tokens: 1, total_tokens: 2 } };
    const status = odd(answer, input, count) ?? 200;
    json(response, status, status === 200 ? answer : { detail: "no" });
  });
  return { ...made, most: () => most };
}

test("texts are split, run side by side, and keep their order", async (t) => {
  const { url, seen, most } = await vectors(t);
  const input = Array.from({ length: 10 }, (_, at) => String(at));
  const { data, model, usage } = await embedMany(client(url), { input, perRequest: 3, parallel: 2, model: "x" });
  assert.deepEqual(data.map(({ index, embedding }) => [index, embedding[0]]), input.map((text, at) => [at, Number(text)]));
  assert.deepEqual([model, usage, most()], ["m", { prompt_tokens: 4, total_tokens: 8 }, 2]);
  assert.deepEqual(seen.map(({ body }) => [body.input.length, body.model, body.perRequest]).sort(), [[1, "x", undefined], [3, "x", undefined], [3, "x", undefined], [3, "x", undefined]]);
  const { url: real } = await emulator(t);
  const texts = Array.from({ length: 150 }, (_, at) => `text ${at}`);
  const all = await embedMany(client(real), { input: texts });
  const one = await client(real).embeddings.create({ input: texts[99] });
  assert.deepEqual([all.data.length, all.data[99].embedding], [150, one.data[0].embedding]);
  assert.deepEqual((await embedMany(client(url), { input: [] })).data, []);
});

test("long texts go alone", async (t) => {
  const { url, seen } = await vectors(t);
  await embedMany(client(url), { input: ["1", "2", "3".repeat(60), "4", "5"], tokensPerRequest: 10, parallel: 1 });
  assert.deepEqual(seen.map(({ body }) => body.input.length), [2, 1, 2]);
});

test("what fails does not take the rest along", async (t) => {
  const { url, seen } = await vectors(t, (_, input) => (input.includes("2") ? 500 : undefined));
  const input = ["0", "1", "2", "3", "4", "5"];
  await assert.rejects(embedMany(client(url), { input, perRequest: 2 }), (error) => {
    assert.ok(error instanceof PartialEmbeddingsError && error instanceof TabbyError);
    assert.deepEqual([error.status, error.cause.status, error.partial.vectors.map((vector) => vector?.[0])], [500, 500, [0, 1, undefined, undefined, 4, 5]]);
    assert.deepEqual(error.partial.errors.map(({ start, end }) => [start, end]), [[2, 4]]);
    assert.match(error.message, /^2 of 6 texts have no vector: /);
    return true;
  });
  assert.equal(seen.length, 3);
  const changed = await vectors(t, (answer, input, count) => void (count === 2 && (answer.model = "other")));
  await assert.rejects(embedMany(client(changed.url), { input, perRequest: 2, parallel: 1 }), { code: "inconsistent_answer" });
});

test("a refused key and an abort end all of it", async (t) => {
  const { url } = await emulator(t);
  const input = Array.from({ length: 500 }, () => "a");
  await assert.rejects(embedMany(new Tabby({ baseURL: url, apiKey: "wrong-key" }), { input }), (error) => {
    assert.deepEqual([error.status, error.code, error.partial.errors.length <= 2], [401, "invalid_key", true]);
    return true;
  });
  const { url: slow, seen } = await vectors(t);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 5);
  await assert.rejects(embedMany(client(slow), { input: input.map(() => "1"), perRequest: 1 }, { signal: controller.signal }), { code: "cancelled" });
  assert.ok(seen.length <= 3, `${seen.length} requests`);
  for (const wrong of [undefined, { input: "a" }, { input: [5] }, { input: ["a"], parallel: 0 }]) await assert.rejects(embedMany(client(url), wrong), { kind: "misuse" });
});
