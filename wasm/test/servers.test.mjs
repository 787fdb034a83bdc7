// A client of several servers: which one a call goes to, and what happens if that one fails.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import test from "node:test";
import { Tabby } from "../dist/node.js";
import OpenAI from "../dist/openai.js";
import { API_KEY, ask, chunk, emulator, event, events, json, server } from "./support.mjs";

/** An address that refuses connections. */
async function refused() {
  const listening = net.createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address();
  await new Promise((resolve) => listening.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const LIST = { object: "list", data: [] };
const lists = (t) => server(t, (_, response) => json(response, 200, LIST));
const isMisuse = (words) => (error) => error.kind === "config" || error.kind === "misuse" ? words.test(error.message) : false;

test("a call goes on to the next server, with that server's keys alone", async (t) => {
  const [gone, second] = [await refused(), await lists(t)];
  const tabby = new Tabby({ baseURL: gone, apiKey: "first-key", servers: [{ baseURL: second.url, adminKey: "second-admin" }], balance: "inOrder" });
  const { attempts } = await tabby.models.list().withResponse();
  assert.deepEqual(attempts.map(({ base }) => base), [gone, second.url]);
  assert.equal(attempts[0].cause, "connect");
  const [{ headers }] = second.seen;
  assert.deepEqual([headers["x-api-key"], headers["x-admin-key"], headers.authorization], ["second-admin", undefined, undefined]);
  // The one that failed lately comes last for a while.
  assert.equal((await tabby.models.list().withResponse()).attempts.length, 1);
});

test("a generation moves on only while no server can have started it", async (t) => {
  const busy = await server(t, (_, response) => json(response, 503, { detail: "No models are currently loaded." }));
  const cut = await server(t, (_, response) => {
    events(response);
    response.write(event(chunk({ content: "Hi" })));
    setTimeout(() => response.destroy(), 20);
  });
  const { url } = await emulator(t);
  const loaded = new Tabby({ servers: [busy.url, { baseURL: url, apiKey: API_KEY }], balance: "inOrder" });
  assert.match(await loaded.chat.stream(ask()).text(), /Echo/);
  assert.equal(busy.seen.length, 1);
  const broken = new Tabby({ servers: [cut.url, { baseURL: url, apiKey: API_KEY }], balance: "inOrder" });
  const stream = broken.chat.stream(ask());
  await assert.rejects(stream.finalMessage(), (error) => error.partial.choices[0].message.content === "Hi" && error.url.startsWith(cut.url));
  assert.equal(cut.seen.length, 1);
  // A stream that heals does so on the other server.
  const healed = broken.chat.stream(ask(), { resume: true, server: undefined });
  assert.match(await healed.text(), /Echo/);
});

test("calls take turns, and one may name its server", async (t) => {
  const all = [await lists(t), await lists(t), await lists(t)];
  const urls = all.map(({ url }) => url);
  const tabby = new Tabby({ servers: [urls[0], new URL(urls[1]), { baseURL: `${urls[2]}/v1` }], balance: "roundRobin" });
  for (let at = 0; at < 6; at++) await tabby.models.list();
  assert.deepEqual(all.map(({ seen }) => seen.length), [2, 2, 2]);
  for (let at = 0; at < 3; at++) await tabby.models.list({ server: new URL(urls[1]) });
  assert.deepEqual(all.map(({ seen }) => seen.length), [2, 5, 2]);
  await assert.rejects(tabby.models.list({ server: "http://other.test" }), (error) => {
    assert.equal(error.kind, "config");
    assert.match(error.message, /http:\/\/other\.test is not one of the client's servers; add it with `servers`/);
    return true;
  });
});

test("calls at once go to the server with the fewest", async (t) => {
  const slow = () => server(t, (_, response) => void setTimeout(() => json(response, 200, LIST), 100));
  const all = [await slow(), await slow()];
  const tabby = new Tabby({ servers: all.map(({ url }) => url) });
  await Promise.all(Array.from({ length: 8 }, () => tabby.models.list()));
  assert.deepEqual(all.map(({ seen }) => seen.length), [4, 4]);
});

test("keys are got for each server, and no error shows them", async (t) => {
  const [one, two] = [await lists(t), await server(t, (request, response) => json(response, 400, { detail: `bad ${request.headers["x-api-key"]}` }))];
  const keys = { [one.url]: "sesame-one", [two.url]: "sesame-two" };
  const asked = [];
  const tabby = new Tabby({ servers: [one.url, two.url], getKey: ({ server }) => (asked.push(server), keys[server]) });
  await tabby.models.list({ server: one.url, preferAdminKey: false });
  assert.equal(one.seen[0].headers["x-api-key"], "sesame-one");
  const isClean = (error) => error.status === 400 && /removed/.test(error.message) && !`${JSON.stringify(error)}${error.stack}`.includes("sesame");
  await assert.rejects(tabby.models.list({ server: two.url, preferAdminKey: false }), isClean);
  assert.deepEqual(asked, [one.url, two.url]);
  // As many fixed keys as there can be.
  const many = Array.from({ length: 63 }, (_, at) => ({ baseURL: `http://127.0.0.1:${at + 1}`, apiKey: `key-of-${at}`, adminKey: `admin-of-${at}` }));
  const fixed = new Tabby({ servers: [{ baseURL: two.url, apiKey: "sesame-first" }, ...many], balance: "inOrder" });
  await assert.rejects(fixed.models.list(), isClean);
});

test("servers that cannot be used are refused when the client is made, or by the first call", async () => {
  const at = "http://127.0.0.1:1";
  assert.throws(() => new Tabby({ servers: [] }), isMisuse(/`servers` must be a list/));
  assert.throws(() => new Tabby({ servers: at }), isMisuse(/`servers` must be a list/));
  assert.throws(() => new Tabby({ servers: [{ apiKey: "k" }] }), isMisuse(/`baseURL` is missing/));
  assert.throws(() => new Tabby({ servers: [7] }), isMisuse(/`baseURL` is missing/));
  assert.throws(() => new Tabby({ servers: [{ baseURL: at, apiKey: 5 }] }), isMisuse(/`apiKey` must be a string/));
  assert.throws(() => new Tabby({ servers: [at], apiKey: "k" }), isMisuse(/each of the `servers` its own keys/));
  assert.throws(() => new Tabby({ servers: [at], balance: "random" }), isMisuse(/`balance` must be one of leastInFlight, roundRobin, inOrder/));
  await assert.rejects(new Tabby({ servers: [at, `${at}/v1`] }).models.list(), isMisuse(/was added twice/));
  const many = Array.from({ length: 65 }, (_, port) => `http://127.0.0.1:${port + 1}`);
  await assert.rejects(new Tabby({ servers: many }).models.list(), isMisuse(/more than 64 servers/));
  await assert.rejects(new Tabby({ servers: [at, "localhost:5000"] }).models.list(), isMisuse(/has no scheme/));
});

/** A server with a model, or none, that answers chats. */
const serving = (t, model) =>
  server(t, (request, response) => {
    if (request.url === "/v1/models") return json(response, 200, LIST);
    if (!model) return json(response, 503, { detail: "No models are currently loaded." });
    const choices = [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: model }, text: model }];
    if (request.url === "/v1/model") return json(response, 200, { id: model, object: "model", created: 1, owned_by: "x" });
    json(response, 200, { id: "1", object: "chat.completion", created: 1, model, choices });
  });

test("calls go to a server that has loaded their model, once the servers were probed", async (t) => {
  const all = [await serving(t, "alpha"), await serving(t, "beta"), await serving(t, undefined)];
  const tabby = new Tabby({ servers: all.map(({ url }) => url), balance: "inOrder" });
  const of = async (request) => (await tabby.chat.create(request)).choices[0].message.content;
  const asked = (model) => of({ ...ask(), ...(model && { model }) });
  // Nothing is known, and nothing is asked by itself.
  assert.deepEqual([await asked("beta"), (await tabby.servers()).map(({ model }) => model)], ["alpha", [null, null, null]]);
  const probed = await tabby.probe();
  assert.deepEqual(probed.map(({ base, model, error }) => [base, model?.id, error?.code]), [
    [all[0].url, "alpha", undefined],
    [all[1].url, "beta", undefined],
    [all[2].url, undefined, "no_model_loaded"],
  ]);
  assert.deepEqual((await tabby.servers()).map(({ model }) => model), ["alpha", "beta", ""]);
  assert.deepEqual([await asked("beta"), await asked("alpha"), await asked("other"), await asked()], ["beta", "alpha", "alpha", "alpha"]);
  const stream = tabby.completions.create({ prompt: "x", model: "beta", max_tokens: 1 });
  assert.equal((await stream).choices[0].text, "beta");
  // In whatever place the model is named.
  assert.equal(await of({ ...ask(), extra_body: { model: "beta" } }), "beta");
  assert.equal(all[2].seen.length, 1);
  // A client that is derived from it knows the same.
  const derived = tabby.withOptions({ maxRetries: 0 });
  assert.equal((await derived.chat.create({ ...ask(), model: "beta" })).choices[0].message.content, "beta");
});

test("the entries on top of the client go to the server that has the model, too", async (t) => {
  const all = [await serving(t, "alpha"), await serving(t, "beta")];
  const servers = all.map(({ url }) => url);
  const client = new OpenAI({ servers, balance: "inOrder" });
  await client.tabby.probe();
  const messages = [{ role: "user", content: "Hi" }];
  const said = async (client, model) => (await client.chat.completions.create({ model, messages })).choices[0].message.content;
  assert.deepEqual([await said(client, "beta"), await said(client.withOptions({ timeout: 5000 }), "beta"), await said(client, "alpha")], ["beta", "beta", "alpha"]);
  const query = await client.chat.completions.create({ model: "beta", messages }, { query: { trace: "1" } });
  assert.equal(query.choices[0].message.content, "beta");
  assert.equal(all[1].seen.at(-1).url, "/v1/chat/completions?trace=1");
});

test("calls wait for a server whose model is not loaded at none that has it", async (t) => {
  const all = [await serving(t, undefined), await serving(t, "beta")];
  const tabby = new Tabby({ servers: all.map(({ url }) => url), balance: "inOrder" });
  await tabby.probe();
  const said = (await tabby.chat.create(ask())).choices[0].message.content;
  assert.deepEqual([said, all[0].seen.length], ["beta", 1]);
  // Lists need no model.
  await tabby.models.list();
  assert.equal(all[0].seen.length, 2);
});
