// What long answers become in memory: refused before they are parsed, if a few bytes become many, and accepted if servers send such.
import assert from "node:assert/strict";
import test from "node:test";
import { Tabby } from "../dist/node.js";
import { weigh } from "../dist/weigh.js";
import { ask, event } from "./support.mjs";

/** `unit` again and again, between two texts, up to so many characters. */
function filled(before, unit, between, after, size) {
  const count = Math.floor((size - before.length - after.length - unit.length) / (unit.length + between.length));
  return before + (unit + between).repeat(count) + unit + after;
}

/** The code of the error, if there is one. */
function codeOf(text, limits) {
  try {
    weigh(text, limits);
    return "ok";
  } catch (error) {
    assert.equal(error.kind, "too_large");
    return error.code;
  }
}

const LARGE = 8 << 20;
const inList = (unit, size = LARGE) => filled('{"data":[],"x":[', unit, ",", "]}", size);
const numbered = (make, size = LARGE) => {
  const parts = [];
  for (let [at, sum] = [0, 0]; sum < size; at++) sum += parts.push(make(at)) && parts.at(-1).length + 1;
  return parts.join(",");
};

const SHAPES = {
  "small objects": [inList('{"":0}'), "decoded_too_large"],
  "empty objects": [inList("{}"), "decoded_too_large"],
  "empty lists": [inList("[]"), "decoded_too_large"],
  "lists of lists": [inList("[[[[[[0]]]]]]"), "decoded_too_large"],
  "fields of one object": [`{${numbered((at) => `"k${at}":0`)}}`, "decoded_too_large"],
  "objects of other fields each": [`[${numbered((at) => `{"k${at}":0}`)}]`, "decoded_too_large"],
  "fractions among other values": [inList(".5,.5,.5,null"), "decoded_too_large"],
  "zeroes, which the parser holds": [inList("0", 24 << 20), "decoded_too_large"],
  "a text": [`{"data":[{"id":"${"a".repeat(LARGE)}"}]}`, "ok"],
  "a text of escapes": [`{"data":[{"id":"${"\\n\\u20ac".repeat(LARGE / 8)}"}]}`, "ok"],
  "short texts, which are shared": [inList('{"token":"a"}'), "ok"],
  "blanks": [`${" ".repeat(LARGE)}{"data":[]}`, "ok"],
  // What servers send.
  "tokens": [inList("12345"), "ok"],
  "a vector": [inList("-0.0234123456789, 1e-05"), "ok"],
  "short numbers": [inList("0.12"), "ok"],
  "texts of tokens": [inList('" understanding"'), "ok"],
  "likely tokens": [inList('{"token":" the","token_id":1234,"logprob":-12.345678901234567}'), "ok"],
  "likely tokens of a completion": [`{${numbered((at) => `"token${at}": -12.345678901234567`)}}`, "ok"],
  "models": [inList('{"id":"alpha-7B-exl3","object":"model","created":1795359305,"owned_by":"tabbyAPI","logging":null,"parameters":null}'), "ok"],
};

test("shapes are refused by what they become", () => {
  for (const [name, [text, code]] of Object.entries(SHAPES)) assert.equal(codeOf(text), code, name);
});

test("small documents pass, whatever they are", () => {
  assert.equal(codeOf(inList("{}", 60_000), { items: 1, depth: 1, expansion: 0 }), "ok");
  assert.equal(codeOf(inList("{}", 300_000)), "ok", "up to 16 MiB of memory are no harm");
});

test("caps can be set", () => {
  const text = inList("[[0]]", 100_000);
  assert.equal(codeOf(text, { items: 1000 }), "too_many_items");
  assert.equal(codeOf(text, { depth: 3 }), "too_deep");
  assert.equal(codeOf(text, { depth: 4 }), "ok");
  assert.equal(codeOf(inList("{}"), { expansion: 30 }), "ok");
  assert.equal(codeOf(inList("{}"), { expansion: Infinity, items: Infinity, depth: Infinity }), "ok");
});

test("what is no JSON is left to the parser", () => {
  for (const text of ['"', "\\", "]".repeat(3), "[", '{"a":', '{"a"', "nul", "-", '["\\']) {
    assert.equal(codeOf(text + " ".repeat(100_000)), "ok", text);
    assert.equal(codeOf(" ".repeat(100_000) + text), "ok", text);
  }
});

test("answers and items are refused, and the client's and the call's caps hold", async () => {
  const choices = filled('{"choices":[', '{"delta":{}}', ",", "]}", 4 << 20);
  const answers = { whole: inList("{}", 2 << 20), event: event(choices), "a whole answer in place of a stream": choices };
  for (const [name, body] of Object.entries(answers)) {
    const headers = { "content-type": name === "event" ? "text/event-stream" : "application/json" };
    const fetch = async () => new Response(body, { headers });
    const call = (tabby, options) => (name === "whole" ? tabby.models.list(options) : tabby.chat.stream(ask(), options).final());
    const tabby = new Tabby({ baseURL: "http://tabby.test", maxRetries: 0, fetch });
    await assert.rejects(call(tabby), (error) => {
      assert.equal(error.name, "TabbyError");
      assert.deepEqual([error.kind, error.code], ["too_large", "decoded_too_large"], name);
      const words = /the JSON document of \d+ characters takes more than 4 times its size in memory; raise `limits.expansion` if such answers are expected$/;
      assert.match(error.message, words);
      assert.match(error.url, /^http:\/\/tabby.test\/v1\//);
      return true;
    });
    if (name !== "whole") continue;
    assert.ok(await call(tabby, { limits: { expansion: 40 } }));
    const lenient = new Tabby({ baseURL: "http://tabby.test", maxRetries: 0, fetch, limits: { expansion: 40 } });
    assert.ok(await call(lenient));
    await assert.rejects(call(lenient, { limits: { items: 10 } }), { code: "too_many_items" });
  }
});
