// Structured output: what goes out for a schema, the typed value, what is known before it is whole, and answers that do not fit.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { readJson } from "../dist/json.js";
import { Tabby, TabbyError } from "../dist/node.js";
import { UnparsedError, jsonSchemaOf, parse, parsed, withParse } from "../dist/schema.js";
import { API_KEY, all, chunk, emulator, event, events, server } from "./support.mjs";

const messages = [{ role: "user", content: "The largest city of Norway?" }];
const JSON_SCHEMA = {
  type: "object",
  properties: { zip: { type: "string" }, name: { type: "string" }, area: { type: "number" } },
  required: ["zip", "name", "area"],
  additionalProperties: false,
};
const LIBRARIES = {
  zod: z.object({ zip: z.string(), name: z.string(), area: z.number() }),
  valibot: toStandardJsonSchema(v.object({ zip: v.string(), name: v.string(), area: v.number() })),
  arktype: type({ zip: "string", name: "string", area: "number" }),
  "JSON schema": JSON_SCHEMA,
};

/** A server whose answers are these pieces of text. */
const saying = (t, pieces, finish_reason = "stop") =>
  server(t, (request, response) => {
    events(response);
    for (const content of pieces) response.write(event(chunk({ content })));
    response.end(event(chunk({}, { finish_reason })) + event("[DONE]"));
  });

const client = (url) => new Tabby({ baseURL: url, apiKey: API_KEY, maxRetries: 0 });

for (const [library, schema] of Object.entries(LIBRARIES)) {
  test(`a schema of ${library} is sent in the form that the server enforces, and gives a typed value`, async (t) => {
    const { url } = await emulator(t);
    const { value, raw, answer } = await parse(client(url), { messages, max_tokens: 300, schema }).result();
    assert.deepEqual(Object.keys(value).sort(), ["area", "name", "zip"]);
    assert.deepEqual([typeof value.zip, typeof value.name, typeof value.area], ["string", "string", "number"]);
    assert.deepEqual(JSON.parse(raw), value);
    assert.equal(answer.choices[0].message.content, raw);
    const other = await saying(t, ['{"zip": "0150", "name": "Oslo", "area": 454}']);
    assert.deepEqual(await parse(client(other.url), { messages, schema }), { zip: "0150", name: "Oslo", area: 454 });
    const { response_format, schema: unsent, jsonSchema, ...rest } = other.seen[0].body;
    assert.equal(response_format.type, "json_schema");
    assert.equal(response_format.json_schema.type, "object");
    assert.equal("$schema" in response_format.json_schema, false);
    assert.deepEqual([unsent, jsonSchema, rest.stream], [undefined, undefined, true]);
  });
}

test("the order of properties is that of the schema, which the server writes in", async (t) => {
  const { url } = await emulator(t);
  const schema = z.object({ zeta: z.string(), alpha: z.string(), mid: z.string() });
  const { raw } = await parse(client(url), { messages, max_tokens: 300, schema }).result();
  assert.deepEqual([...raw.matchAll(/"(zeta|alpha|mid)":/g)].map(([, name]) => name), ["zeta", "alpha", "mid"]);
  assert.deepEqual(Object.keys(jsonSchemaOf(schema).properties), ["zeta", "alpha", "mid"]);
});

test("partial values come while it streams, and the whole one is the promise", async (t) => {
  const { url } = await saying(t, ['{"zip": "01', '50", "na', 'me": "Os', 'lo", "area": 45', "4", "}"]);
  const stream = parse(client(url), { messages, schema: LIBRARIES.zod });
  assert.deepEqual(await all(stream), [
    { zip: "01" },
    { zip: "0150" },
    { zip: "0150", name: "Os" },
    { zip: "0150", name: "Oslo" },
    { zip: "0150", name: "Oslo", area: 454 },
  ]);
  assert.deepEqual(await stream, { zip: "0150", name: "Oslo", area: 454 });
});

test("what a schema makes of the value is the value", async (t) => {
  const { url } = await saying(t, ['{"when": "2026-11-28"}']);
  const schema = z.object({ when: z.string().transform((text) => new Date(text)) });
  const { when } = await parse(client(url), { messages, schema });
  assert.equal(when.getUTCFullYear(), 2026);
});

const UNPARSED = [
  ["Sure! {}", "stop", "not_json", "the answer is not JSON: unexpected text at line 1 column 1; the server silently ignores schemas that it cannot use"],
  ['{"zip": "1"}\nSure!', "stop", "not_json", "the answer is not JSON: unexpected text at line 2 column 1; the server silently ignores schemas that it cannot use"],
  ['{"zip": "1', "length", "cut_off", "the answer was cut off by `max_tokens` before its JSON was whole; raise `max_tokens`"],
  ['{"zip": "1', "stop", "not_json", "the answer is not JSON: it ends before its JSON is whole; the server silently ignores schemas that it cannot use"],
  [" ", "stop", "empty", "the answer has no text to read JSON from"],
  ['{"zip": 1, "name": "a", "area": 2}', "stop", "unexpected", "the answer's JSON has another shape: expected string, found number (at `zip`); the server silently ignores schemas that it cannot use"],
];

for (const [text, finish, unparsed, message] of UNPARSED) {
  test(`${JSON.stringify(text)} is kept, with what is wrong: ${unparsed}`, async (t) => {
    const { url } = await saying(t, [text], finish);
    const stream = parse(client(url), { messages, schema: JSON_SCHEMA });
    await assert.rejects(stream.result(), (error) => {
      assert.ok(error instanceof UnparsedError && error instanceof TabbyError);
      assert.deepEqual([error.kind, error.code, error.unparsed, error.message], ["decode", "unstructured", unparsed, message]);
      assert.equal(error.raw, text);
      assert.equal(error.answer.choices[0].finish_reason, finish);
      assert.equal(JSON.stringify(error).includes("Sure"), false);
      return true;
    });
    await assert.rejects(all(parse(client(url), { messages, schema: JSON_SCHEMA })), { code: "unstructured" });
  });
}

test("what a library finds wrong has its path", async (t) => {
  const { url } = await saying(t, ['{"items": [{"price": 1}, {"price": "much"}]}']);
  const schema = z.object({ items: z.array(z.object({ price: z.number() })) });
  await assert.rejects(parse(client(url), { messages, schema }).result(), (error) => {
    assert.equal(error.path, "items[1].price");
    assert.deepEqual(error.issues.map(({ path }) => path), [["items", 1, "price"]]);
    return true;
  });
});

test("JSON schemas are checked by what says shape", async () => {
  const whole = (content) => ({ choices: [{ message: { content }, finish_reason: "stop" }] });
  const cases = [
    [{ type: "integer", minimum: 1 }, "0", "expected a number from 1"],
    [{ type: ["string", "null"] }, "true", "expected string or null, found boolean"],
    [{ enum: ["a", "b"] }, '"c"', "it is none of the values that are allowed"],
    [{ const: { a: 1 } }, '{"a": 2}', "it is not the one value that is allowed"],
    [{ type: "array", items: { type: "string" }, minItems: 1 }, "[]", "expected at least 1 entries, found 0"],
    [{ $defs: { n: { type: "number" } }, properties: { a: { $ref: "#/$defs/n" } } }, '{"a": "x"}', "expected number, found string"],
    [{ anyOf: [{ type: "string" }, { type: "number" }] }, "null", "expected string, found null"],
    [{ properties: {}, additionalProperties: false }, '{"a": 1}', "it has a field that is not allowed"],
    [{ required: ["a"] }, "{}", "the field `a` is missing"],
  ];
  for (const [schema, text, words] of cases) {
    await assert.rejects(parsed(whole(text), schema), ({ reason }) => (assert.equal(reason, `the answer's JSON has another shape: ${words}`), true));
  }
  // A schema that refers to itself, and a value that is nested as deep as it may be.
  const list = { type: "array", items: { $ref: "#" } };
  assert.ok(await parsed(whole(`${"[".repeat(100)}${"]".repeat(100)}`), list));
  await assert.rejects(parsed(whole("[".repeat(100_000)), list), { unparsed: "not_json" });
});

test("requests that cannot be held to a schema are refused before anything is sent", async (t) => {
  const { url, seen } = await saying(t, ["{}"]);
  const tabby = client(url);
  const refused = (request, message) => assert.rejects(parse(tabby, { messages, ...request }).result(), { kind: "misuse", message });
  await refused({ schema: 5 }, "the schema must be a JSON schema (an object) or a Standard Schema, such as those of zod, valibot and arktype");
  await refused({ schema: JSON_SCHEMA, regex_pattern: "a+" }, "`regex_pattern` cannot be combined with `schema`: a response has one constraint");
  await refused({ schema: v.object({}) }, /"valibot" cannot be converted to a JSON schema; wrap it in `toStandardJsonSchema` of `@valibot\/to-json-schema`/);
  await refused({ schema: z.object({ when: z.date() }) }, /^the schema cannot be converted to a JSON schema: .*; pass one as `jsonSchema`$/);
  await assert.rejects(parse(tabby, undefined).result(), { kind: "misuse" });
  assert.equal(seen.length, 0);
  // A JSON schema beside it is what goes out.
  await parse(tabby, { messages, schema: v.object({}), jsonSchema: { type: "object" } });
  assert.deepEqual(seen[0].body.response_format.json_schema, { type: "object" });
});

test("abort, errors of the server, and leaving a loop are those of a stream", async (t) => {
  const { url, seen } = await emulator(t, "--token-delay-ms", "20");
  const controller = new AbortController();
  const stream = parse(client(url), { messages, schema: JSON_SCHEMA, max_tokens: 300 }, { signal: controller.signal });
  for await (const value of stream) if (value) break;
  await seen("disconnect POST /v1/chat/completions");
  const aborted = parse(client(url), { messages, schema: JSON_SCHEMA, max_tokens: 300 }, { signal: controller.signal });
  setTimeout(() => controller.abort(), 60);
  await assert.rejects(aborted.result(), { name: "AbortError", code: "cancelled" });
  await assert.rejects(parse(new Tabby({ baseURL: url, apiKey: "wrong" }), { messages, schema: JSON_SCHEMA }).result(), { status: 401, code: "invalid_key" });
});

test("a client has it as a method, and CommonJS has one class of errors", async (t) => {
  const { url } = await saying(t, ['{"zip": "1", "name": "a", "area": 2}']);
  const tabby = withParse(client(url));
  assert.equal((await tabby.chat.parse({ messages, schema: JSON_SCHEMA })).area, 2);
  const require = createRequire(import.meta.url);
  const [schema, plain, inline] = ["schema", "node", "inline"].map((name) => require(`../dist/${name}.cjs`));
  assert.ok(schema.UnparsedError.prototype instanceof plain.TabbyError);
  assert.equal(inline.TabbyError, plain.TabbyError);
  assert.equal((await schema.parse(new plain.Tabby({ baseURL: url }), { messages, schema: JSON_SCHEMA })).name, "a");
});

test("JSON is read as far as it goes, and no further", () => {
  const cases = {
    '{"a": 1': [{}, "cut"],
    '{"a": 12,': [{ a: 12 }, "cut"],
    '{"a": tr': [{}, "cut"],
    '{"a": "x\\u00': [{ a: "x" }, "cut"],
    '[[], {"b": [true': [[[], { b: [true] }], "cut"],
    "[1,]": [[1], "broken"],
    "12": [12, "whole"],
    '"a" b': ["a", "broken"],
    "01": [0, "broken"],
  };
  for (const [text, [value, state]] of Object.entries(cases)) {
    const read = readJson(text);
    assert.deepEqual([read.value, read.state], [value, state], text);
  }
  // Names are fields, whatever they are.
  const { value } = readJson('{"__proto__": {"polluted": true}, "constructor": 1}');
  assert.deepEqual([Object.keys(value), value.polluted, {}.polluted], [["__proto__", "constructor"], undefined, undefined]);
  // Each beginning of a document is cut, and the whole of it is what JSON.parse reads.
  const document = JSON.stringify({ a: [1, -2.5e-3, true, null, 'é\n"\\ 𝄞'], b: { c: [], d: {} }, e: "x" }, null, 1);
  for (let end = 0; end < document.length; end++) assert.equal(readJson(document.slice(0, end)).state, "cut", document.slice(0, end));
  assert.deepEqual(readJson(document), { value: JSON.parse(document), state: "whole", at: document.length });
});

test("a long text is not read anew with each piece", async (t) => {
  const pieces = ['{"zip": "', ...Array.from({ length: 5000 }, () => "0123456789"), '", "name": "a", "area": 1}'];
  const { url } = await saying(t, pieces);
  const values = await all(parse(client(url), { messages, schema: JSON_SCHEMA }));
  assert.ok(values.length < 600, `${values.length} values`);
  assert.equal(values.at(-1).zip.length, 50_000);
});
