// Items that are made from templates, and what they add up to, against the plain way: each event parsed, looked at and added for itself.
import assert from "node:assert/strict";
import test from "node:test";
import { Tabby } from "../dist/node.js";
import { ChatTotal, CompletionTotal } from "../dist/total.js";
import { event, events, server } from "./support.mjs";

/** Random numbers below `most` that are the same in each run. */
function random(seed) {
  let state = seed >>> 0;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

const TEXTS = ["tok", " a longer piece of a text", "", "\n", 'a "quote" \\', "ä€𝄞🦀", "\u2028", "\ud83e", "\udd80", "x", "\ufeff", "é".repeat(300), "z".repeat(2000)];

/** Streams of chat chunks: runs of one kind, which become templates, with others between them. */
function* chats(pick) {
  const kinds = [
    (text) => ({ delta: { content: text } }),
    (text) => ({ delta: { reasoning_content: text } }),
    (text) => ({ delta: { role: "assistant", content: text }, eos_reason: "x" }),
    (text) => ({ delta: { content: text, refusal: "no" } }),
    (text) => ({ delta: { content: text, reasoning_content: "why" } }),
    (text) => ({ delta: { reasoning: text } }),
    (text) => ({ delta: { content: text, extra: pick(2) } }),
    (text) => ({ delta: { content: text, own: { list: [1] } } }),
    (text) => ({ delta: { content: text }, logprobs: { content: [{ token: text, logprob: -1 }] } }),
    (text) => ({ delta: { content: text }, index: 1 }),
    (text) => ({ delta: { content: text, tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "1" } }] } }),
    (text) => ({ message: { content: text } }),
    (text) => ({ delta: { content: null, refusal: text } }),
  ];
  for (let run = 0; run < 30; run++) {
    const make = kinds[pick(kinds.length)];
    const head = pick(3) === 0 ? { id: `id-${pick(2)}`, seed: pick(3) } : { id: "id" };
    for (let at = 1 + pick(12); at > 0; at--) {
      const choice = { index: 0, finish_reason: null, ...make(TEXTS[pick(TEXTS.length)]) };
      yield { ...head, object: "chat.completion.chunk", created: 7, choices: [choice], model: "m" };
    }
  }
  yield { id: "id", object: "chat.completion.chunk", created: 7, choices: [{ index: 0, delta: {}, finish_reason: "stop" }], model: "m" };
}

function* completions(pick) {
  for (let run = 0; run < 20; run++) {
    const [index, logprobs] = [pick(2), pick(3) === 0 ? { tokens: ["a"], text_offset: [0] } : null];
    for (let at = 1 + pick(12); at > 0; at--) {
      const choice = { index, text: TEXTS[pick(TEXTS.length)], finish_reason: null, logprobs };
      yield { id: "id", object: "text_completion", created: 7, choices: [choice], model_name: "m" };
    }
  }
  yield { id: "id", object: "text_completion", created: 7, choices: [{ index: 0, text: "", finish_reason: "length" }], model: "m" };
}

const copy = (value) => structuredClone(value);

/** What items and sums are after each event, and the error that ends them. */
function plainly(written, Total, limits, choices) {
  const total = new Total(limits, choices);
  const seen = [];
  try {
    for (const data of written) {
      const item = total.item(JSON.parse(data));
      const shown = copy(item);
      total.push(item);
      seen.push([shown, copy(total.output())]);
    }
  } catch (error) {
    total.finish();
    return { seen, code: error.code, sum: copy(total.output()) };
  }
  total.finish();
  return { seen, sum: copy(total.output()) };
}

async function through(stream) {
  const seen = [];
  try {
    for await (const item of stream) {
      seen.push([copy(item), copy(stream.soFar)]);
      // Who gets an item may change it.
      for (const choice of item.choices) Object.assign(choice.delta ?? choice, { content: "changed", text: "changed", refusal: "changed" });
    }
    return { seen, sum: copy(await stream.finalMessage()) };
  } catch (error) {
    return { seen, code: error.code, sum: copy(error.partial) };
  }
}

const KINDS = [
  ["chat", chats, ChatTotal, { messages: [] }],
  ["completions", completions, CompletionTotal, { prompt: "x" }],
];

for (const [service, make, Total, request] of KINDS) {
  test(`${service}: items and sums are those of events that are each parsed and added`, async (t) => {
    const seeds = new Map();
    const { url } = await server(t, async (asked, response) => {
      events(response);
      const written = seeds.get(asked.headers["x-seed"]);
      const bytes = Buffer.from(`${written.map(event).join("")}${event("[DONE]")}`);
      // Cut within events now and then.
      for (let at = 0; at < bytes.length; at += 1500) response.write(bytes.subarray(at, at + 1500));
      response.end();
    });
    const tabby = new Tabby({ baseURL: url });
    for (let seed = 0; seed < 150; seed++) {
      const pick = random(seed);
      const written = [...make(pick)].map((value) => JSON.stringify(value));
      seeds.set(`${seed}`, written);
      const n = 1 + (seed & 1);
      // Caps in bytes that some of these streams pass.
      const limits = seed % 5 === 0 ? { accumulated: 3000 + pick(4000) } : {};
      const expected = plainly(written, Total, limits, n);
      const stream = tabby[service].stream({ ...request, n }, { headers: { "x-seed": `${seed}` }, limits });
      assert.deepEqual(await through(stream), expected, `seed ${seed}`);
    }
  });
}

test("a long text is whole at any time", async (t) => {
  const pieces = Array.from({ length: 5000 }, (_, at) => `piece ${at} `);
  const { url } = await server(t, (_, response) => {
    events(response);
    response.write(pieces.map((content) => event({ id: "i", choices: [{ index: 0, delta: { content }, finish_reason: null }] })).join(""));
    response.end(event("[DONE]"));
  });
  const stream = new Tabby({ baseURL: url }).chat.stream({ messages: [] });
  let text = "";
  for await (const item of stream) {
    text += item.choices[0].delta.content;
    if (text.length % 7 === 0) assert.equal(stream.soFar.choices[0].message.content, text);
  }
  assert.equal(await stream.text(), pieces.join(""));
});
