// Keys do not show, whichever way they came and whatever repeats them: each is planted, echoed in all places, and looked for in all
// that prints.
import assert from "node:assert/strict";
import test from "node:test";
import { inspect } from "node:util";
import { Tabby, TabbyError } from "../dist/node.js";
import { ask, event, sleep } from "./support.mjs";

const BASE = "http://tabby.test";

/** All that may be printed of an error, a client or an event of a hook. */
const printed = (thing) =>
  [
    ...[String(thing), thing?.stack, JSON.stringify(thing), inspect(thing, { depth: 9, showHidden: true, getters: true })],
    ...["message", "reason", "hint", "body", "trace", "code", "path", "url"].map((name) => thing?.[name]),
    ...(thing?.headers instanceof Headers ? [...thing.headers].flat() : []),
    JSON.stringify(thing?.outcome ?? null),
    JSON.stringify(thing?.validation ?? null),
  ].join("\n");

function assertClean(thing, secrets) {
  const text = printed(thing);
  for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} shows in ${text}`);
}

/** Servers that repeat texts: in answers of every kind, in headers, in what they break off with. */
const echoes = (texts) => {
  const all = texts.join(" ");
  const headers = { "content-type": "application/json", "x-echo": all.replace(/[^\x20-\x7e\xa0-\xff]/g, ""), "x-many": texts.map((text) => encodeURIComponent(text)).join("&") };
  const json = (status, value) => new Response(JSON.stringify(value), { status, headers });
  return {
    detail: () => json(401, { detail: `no key ${all} here` }),
    error: () => json(400, { error: { message: `bad ${all}`, type: "t", code: "c", trace: all } }),
    validation: () => json(422, { detail: [{ type: "t", loc: ["body", texts[0]], msg: all, input: { [texts[0]]: all } }] }),
    plain: () => new Response(`<h1>${all}</h1>`, { status: 502, headers: { ...headers, "content-type": "text/html" } }),
    escaped: () => json(500, { detail: JSON.stringify({ key: all }) }),
    "in a stream": () => new Response(event({ error: { message: all, trace: all } }), { headers: { "content-type": "text/event-stream" } }),
    thrown: () => Promise.reject(new TypeError(`fetch failed for ${all}`, { cause: Object.assign(new Error(all), { code: "X", all }) })),
    "thrown words": () => Promise.reject(all),
    "an invalid header": () => new Headers({ "x-a": `${all}\n` }),
  };
};

async function assertAllClean(options, callOptions, secrets, texts = secrets) {
  for (const [name, answer] of Object.entries(echoes(texts))) {
    const seen = [];
    const tabby = new Tabby({
      baseURL: BASE,
      maxRetries: 1,
      retry: { base: 1 },
      fetch: async () => answer(),
      onAttempt: (event) => seen.push(event),
      onOutcome: (event) => seen.push(event),
      ...options,
    });
    for (const call of [() => tabby.models.list(callOptions), () => tabby.models.unload(callOptions), () => tabby.chat.create(ask(), callOptions), () => tabby.chat.stream(ask(), callOptions).final()]) {
      const error = await call().then(() => assert.fail(`${name} was to fail`), (error) => error);
      assert.ok(error instanceof TabbyError, `${name}: ${error.stack}`);
      assertClean(error, secrets);
    }
    for (const event of seen) assertClean(event, secrets);
    assertClean(tabby, secrets);
    assertClean(tabby.chat, secrets);
  }
}

test("keys of the client, of whichever scope", async () => {
  await assertAllClean({ apiKey: "sesame-open", adminKey: "sesame-admin-door" }, {}, ["sesame-open", "sesame-admin-door"]);
  await assertAllClean({ bearer: "sesame-bearer" }, {}, ["sesame-bearer"]);
  await assertAllClean({ apiKey: 'sesame"quoted\\back' }, {}, ['sesame"quoted\\back', 'sesame\\"quoted'], ['sesame"quoted\\back']);
});

test("keys with blanks", async () => {
  await assertAllClean({ apiKey: "  sesame-padded\t", adminKey: "sesame door and more" }, {}, ["sesame-padded", "sesame door and more"]);
});

test("keys of getKey that clients share, in the errors of both", async () => {
  let gotten = 0;
  const fetch = async (url, { headers }) => Response.json({ detail: `bad ${new Headers(headers).get("x-api-key")}` }, { status: 400 });
  const tabby = new Tabby({ baseURL: BASE, fetch, getKey: () => `sesame-shared-${++gotten}` });
  const derived = tabby.withOptions({ maxRetries: 0 });
  for (const client of [derived, tabby, derived]) {
    await assert.rejects(client.models.list({ preferAdminKey: false }), (error) => /removed/.test(error.message) && !`${JSON.stringify(error)}${error.stack}${error.body}`.includes("sesame"));
  }
  assert.equal(gotten, 1);
});

test("keys of getKey, also with a line end", async () => {
  const getKey = ({ scope }) => (scope === "admin" ? { adminKey: "sesame-vault-admin\n" } : "\nsesame-vault\r\n");
  await assertAllClean({ getKey }, {}, ["sesame-vault"]);
  const broken = { getKey: () => Promise.reject(new Error("the vault said sesame-header-1")), headers: { "x-team": "sesame-header-1" } };
  await assertAllClean(broken, {}, ["sesame-header-1"]);
  const lined = { getKey: () => "sesame-one\nsesame-two" };
  await assertAllClean(lined, {}, ["sesame-one", "sesame-two"]);
});

test("headers of the user's own, and the parts of those that carry keys", async () => {
  const basic = btoa("walter:sesame-basic");
  await assertAllClean({ headers: { authorization: "Bearer sesame-own-token" } }, {}, ["sesame-own-token"]);
  await assertAllClean({}, { headers: { Authorization: `Basic ${basic}` } }, [basic, "sesame-basic"]);
  await assertAllClean({ headers: [["cookie", "session=sesame-cookie; theme=dark"]] }, {}, ["sesame-cookie"]);
  await assertAllClean({}, { headers: { "proxy-authorization": 'Digest username="walter", response="sesame-digest", uri="/v1/models"' } }, ["sesame-digest"]);
  await assertAllClean({ headers: { "x-gateway": "sesame-gateway" } }, { headers: new Headers({ "x-tenant-token": "sesame-tenant" }) }, ["sesame-gateway", "sesame-tenant"]);
});

test("schemes and short keys stay, and so do words of the place", async () => {
  const tabby = new Tabby({ baseURL: BASE, apiKey: "abc", headers: { authorization: "Bearer sesame-own" }, fetch: async () => new Response('{"detail":"Bearer is no abc: sesame-own"}', { status: 401 }) });
  await assert.rejects(tabby.models.list(), { reason: "Bearer is no abc: [removed]", url: `${BASE}/v1/models`, method: "GET", kind: "server" });
});

test("a header or a key that cannot be sent is not printed", async () => {
  for (const value of ["sesame\nopen", "sesame\0open", "sesame\u20ac"]) {
    const printedAll = [];
    try {
      new Tabby({ baseURL: BASE, headers: { "x-key": value } });
    } catch (error) {
      printedAll.push(error);
    }
    const plain = new Tabby({ baseURL: BASE, fetch: async () => Response.json({}) });
    await plain.models.list({ headers: { "x-key": value } }).catch((error) => printedAll.push(error));
    for (const name of ["apiKey", "adminKey", "bearer"]) {
      await new Tabby({ baseURL: BASE, [name]: value, fetch: async () => Response.json({ data: [] }) }).models.list().catch((error) => printedAll.push(error));
      const getKey = () => ({ [name]: value });
      await new Tabby({ baseURL: BASE, getKey, fetch: async () => Response.json({ data: [] }) }).models.list().catch((error) => printedAll.push(error));
    }
    assert.ok(printedAll.length >= 2, `${printedAll.length}`);
    for (const error of printedAll) {
      assert.ok(error instanceof TabbyError, String(error));
      assertClean(error, [value, "sesame"]);
    }
  }
});

test("a reason of an abort", async () => {
  const controller = new AbortController();
  const tabby = new Tabby({ baseURL: BASE, apiKey: "sesame-open", fetch: () => new Promise(() => {}) });
  const call = tabby.models.list({ signal: controller.signal });
  await sleep(5);
  controller.abort(new Error("left with sesame-open"));
  await assert.rejects(call, (error) => {
    assertClean(error, ["sesame-open"]);
    return error.code === "cancelled";
  });
});
