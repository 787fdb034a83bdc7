// Limits of what is sent, and breakers, in time that passes only when a test says so: the rules are those of the Rust library, and so are the numbers.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { requestTokens } from "../dist/estimate.js";
import { Tabby, TabbyError, init } from "../dist/node.js";
import { RATE_LIMIT, TabbyML, init as initTabbyML } from "../dist/tabbyml-node.js";
import { ask, chunk, event, json, server } from "./support.mjs";

const BASE = "http://tabby.test";
const LIST = { object: "list", data: [] };
/** Lets everything happen that waits for no time. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
};

/** Time for the clock and the timers of calls, and a server behind `fetch` that answers after so many milliseconds. */
async function world(t, { takes = 0, answer = () => Response.json(LIST), of = init } = {}) {
  await of();
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 });
  t.mock.method(performance, "now", () => Date.now());
  const sent = [];
  const fetch = (url, { signal, body }) => {
    const number = sent.push({ at: Date.now(), url }) - 1;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const respond = async () => resolve(await answer(url, number, body));
      if (takes === 0) respond();
      else setTimeout(respond, takes);
    });
  };
  const pass = async (ms, step = 10) => {
    await settle();
    for (let at = 0; at < ms; at += step) {
      t.mock.timers.tick(Math.min(step, ms - at));
      await settle();
    }
  };
  return { fetch, pass, sent, times: () => sent.map(({ at }) => at) };
}

/** How a call ended, and when. */
const ending = (call) => call.then((value) => ({ value, at: Date.now() }), (error) => ({ error, at: Date.now() }));

test("so many calls run at a time, and the others follow in their order", async (t) => {
  const { fetch, pass, times } = await world(t, { takes: 100 });
  const tabby = new Tabby({ baseURL: BASE, fetch, concurrency: 2 });
  const ended = [];
  const calls = [0, 1, 2, 3, 4].map((name) => tabby.models.list().then(() => ended.push(name)));
  await pass(50);
  assert.equal(await tabby.waiting(), 3);
  const [{ in_flight, attempts, breaker }] = await tabby.servers();
  assert.deepEqual([in_flight, attempts, breaker], [2, 2, "closed"]);
  await pass(300);
  await Promise.all(calls);
  assert.deepEqual([times(), ended], [[0, 0, 100, 100, 200], [0, 1, 2, 3, 4]]);
  assert.deepEqual([await tabby.waiting(), (await tabby.servers())[0].in_flight], [0, 0]);
});

test("more than may wait are refused at once", async (t) => {
  const { fetch, pass, times } = await world(t, { takes: 100 });
  const tabby = new Tabby({ baseURL: BASE, fetch, concurrency: { running: 1, waiting: 1 } });
  const calls = [tabby.models.list(), tabby.models.list(), tabby.models.list()].map(ending);
  await pass(10);
  const { error, at } = await calls[2];
  assert.deepEqual([error.kind, error.code, at, times()], ["policy", "queue_full", 0, [0]]);
  assert.match(error.message, /nothing was sent, because 1 calls are waiting already; send fewer calls at a time, or raise `concurrency\.waiting`/);
  await pass(200);
  assert.deepEqual([(await calls[0]).at, (await calls[1]).at, times()], [100, 200, [0, 100]]);
});

test("who is aborted leaves the queue, and holds nobody up", async (t) => {
  const { fetch, pass, times } = await world(t, { takes: 100 });
  const tabby = new Tabby({ baseURL: BASE, fetch, concurrency: 1 });
  const controller = new AbortController();
  const calls = [tabby.models.list(), tabby.models.list({ signal: controller.signal }), tabby.models.list()].map(ending);
  await pass(30);
  controller.abort(new Error("enough"));
  await pass(0);
  const { error, at } = await calls[1];
  assert.deepEqual([error.name, error.cause.message, at, await tabby.waiting()], ["AbortError", "enough", 30, 1]);
  await pass(270);
  assert.deepEqual([(await calls[2]).at, times()], [200, [0, 100]]);
});

test("a wait counts towards the total, and towards the timeout of a call", async (t) => {
  const { fetch, pass, times } = await world(t, { takes: 200 });
  const tabby = new Tabby({ baseURL: BASE, fetch, concurrency: 1 });
  const calls = [tabby.models.list(), tabby.models.list({ timeouts: { total: 80 } }), tabby.models.list({ timeout: 120 })].map(ending);
  await pass(400);
  const [, total, timeout] = await Promise.all(calls);
  assert.deepEqual([total.error.kind, total.error.phase, total.at], ["timeout", "total", 80]);
  assert.deepEqual([timeout.error.kind, timeout.at, times(), await tabby.waiting()], ["timeout", 120, [0], 0]);
});

test("no interval sees more requests than the limit", async (t) => {
  const { fetch, pass, times } = await world(t);
  const tabby = new Tabby({ baseURL: BASE, fetch, rateLimit: { requests: 3, interval: 1000 } });
  const calls = Array.from({ length: 7 }, () => tabby.models.list());
  await pass(400);
  assert.equal(await tabby.waiting(), 4);
  // Behind those that wait already.
  const late = ending(tabby.models.list());
  await pass(1700);
  await Promise.all(calls);
  assert.deepEqual([times(), (await late).at], [[0, 0, 0, 1000, 1000, 1000, 2000, 2000], 2000]);
  const { waited } = (await calls[6].withResponse()).outcome;
  assert.equal(waited, 2000);
});

test("a call over the limit may be refused in place of waiting", async (t) => {
  const { fetch, pass, times } = await world(t);
  const tabby = new Tabby({ baseURL: BASE, fetch, rateLimit: { requests: 1, interval: 60_000, whenFull: "refuse" } });
  await tabby.models.list();
  await pass(1500, 500);
  const { error } = await ending(tabby.models.list());
  assert.deepEqual([error.kind, error.code, error.retryAfter, times()], ["policy", "rate_limited", 58_500, [0]]);
  assert.match(error.message, /the next request can be sent in 58\.5s; wait, or raise `rateLimit`/);
  assert.equal(TabbyError.from(error.toJSON()).retryAfter, 58_500);
  await pass(58_500, 500);
  await tabby.models.list();
  assert.deepEqual(times(), [0, 60_000]);
});

test("clients that are derived from another one share its limits, unless they have their own", async (t) => {
  const { fetch, pass, times } = await world(t);
  const tabby = new Tabby({ baseURL: BASE, fetch, rateLimit: { requests: 2, interval: 1000 } });
  const hasty = tabby.withOptions({ timeout: 5000 }).withOptions({ headers: { "x-own": "1" } });
  const calls = [tabby.models.list(), hasty.models.list(), hasty.models.list()];
  await pass(10);
  assert.deepEqual([times(), await tabby.waiting(), (await tabby.servers())[0].attempts], [[0, 0], 1, 2]);
  const free = tabby.withOptions({ rateLimit: undefined });
  await free.models.list();
  assert.deepEqual(times(), [0, 0, 10]);
  await pass(1000);
  await Promise.all(calls);
  assert.deepEqual([times(), (await free.servers())[0].attempts], [[0, 0, 10, 1000], 1]);
});

test("the preset of TabbyML lets 120 requests go in a minute, from all clients with it that are derived from one", async (t) => {
  const { fetch, pass, times } = await world(t, { answer: () => Response.json({ completion: ["m"] }), of: initTabbyML });
  const tabby = new TabbyML({ baseURL: BASE, token: "auth_1", fetch, rateLimit: RATE_LIMIT, timeouts: { total: 90_000 } });
  const other = tabby.withOptions({ maxRetries: 0 });
  const calls = Array.from({ length: 121 }, (_, at) => (at % 2 ? tabby : other).models.list());
  await pass(59_900, 100);
  assert.deepEqual([times().length, await tabby.waiting()], [120, 1]);
  await pass(100);
  await Promise.all(calls);
  assert.deepEqual([times()[119], times()[120]], [0, 60_000]);
});

test("tokens are limited by an estimate, and other calls take none", async (t) => {
  const answer = () => Response.json({ id: "1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hi" } }] });
  const { fetch, pass, times } = await world(t, { answer });
  const request = ask();
  // 210 of the answer and the prompt.
  assert.equal(requestTokens(request), 210);
  const tabby = new Tabby({ baseURL: BASE, fetch, rateLimit: { tokens: 500, interval: 1000, estimate: requestTokens } });
  const calls = [tabby.chat.create(request), tabby.chat.create(request), tabby.chat.create(request), tabby.chat.create({ ...request, max_tokens: 9000 })];
  await pass(2500);
  await Promise.all(calls);
  // The last one is over the limit alone: it goes when nothing else went.
  assert.deepEqual(times(), [0, 0, 1000, 2000]);
  const broken = tabby.withOptions({ rateLimit: { tokens: 5, interval: 1000, estimate: () => "many" } });
  await assert.rejects(broken.chat.create(request), { code: "invalid_option", message: /`rateLimit\.estimate\(\)` is "many"/ });
  const throws = tabby.withOptions({ rateLimit: { tokens: 5, interval: 1000, estimate: () => { throw new Error("no tokenizer"); } } });
  await assert.rejects(throws.chat.create(request), /no tokenizer/);
});

test("a breaker opens, half-opens and closes as that of the Rust library", async (t) => {
  let fails = true;
  const answer = () => (fails ? Response.json({ detail: "boom" }, { status: 500 }) : Response.json(LIST));
  const { fetch, pass, sent } = await world(t, { answer });
  const tabby = new Tabby({ baseURL: BASE, fetch, maxRetries: 0, breaker: true });
  const state = async () => {
    const [{ breaker, retry_after, attempts, failures, failing }] = await tabby.servers();
    return [breaker, retry_after, attempts, failures, failing];
  };
  assert.deepEqual(await state(), ["closed", null, 0, 0, false]);
  for (let at = 1; at <= 4; at++) await assert.rejects(tabby.models.list(), { status: 500 });
  assert.deepEqual(await state(), ["closed", null, 4, 4, true]);
  await assert.rejects(tabby.models.list(), { status: 500 });
  await pass(2500, 500);
  assert.deepEqual(await state(), ["open", 7500, 5, 5, true]);
  const { error } = await ending(tabby.models.list());
  assert.deepEqual([error.kind, error.code, error.retryable, error.retryAfter, sent.length], ["policy", "circuit_open", true, 7500, 5]);
  assert.match(error.message, /the circuit is open for 7\.5s; wait, or check its state with `tabby\.servers\(\)`/);
  await pass(7500, 500);
  assert.deepEqual(await state(), ["half_open", null, 5, 5, true]);
  await assert.rejects(tabby.models.list(), { status: 500 });
  assert.deepEqual(await state(), ["open", 10_000, 6, 6, true]);
  await pass(10_000, 500);
  fails = false;
  await tabby.models.list();
  assert.deepEqual(await state(), ["closed", null, 7, 6, false]);
});

test("while a circuit is open, calls go to the other server", async (t) => {
  const answer = (url) => (url.startsWith("http://a.test") ? Response.json({ detail: "boom" }, { status: 500 }) : Response.json(LIST));
  const { fetch, sent } = await world(t, { answer });
  const servers = ["http://a.test", "http://b.test"];
  const tabby = new Tabby({ servers, fetch, maxRetries: 0, balance: "inOrder", breaker: { minAttempts: 1, openFor: 60_000 } });
  await assert.rejects(tabby.models.list(), { status: 500 });
  await tabby.models.list();
  assert.deepEqual(sent.map(({ url }) => new URL(url).host), ["a.test", "b.test"]);
  assert.deepEqual((await tabby.servers()).map(({ base, breaker }) => [base, breaker]), [["http://a.test", "open"], ["http://b.test", "closed"]]);
  await assert.rejects(tabby.models.list({ server: servers[0] }), { code: "circuit_open", retryAfter: 60_000 });
});

test("each server may have limits of its own, the first one, too", async (t) => {
  const { fetch, pass, sent } = await world(t, { takes: 100 });
  const servers = [{ baseURL: "http://a.test", concurrency: 1 }, "http://b.test", { baseURL: "http://c.test", rateLimit: { requests: 1, interval: 1000 } }];
  const counts = () => servers.map((at) => sent.filter(({ url }) => url.startsWith(at.baseURL ?? at)).length);
  const free = new Tabby({ servers, fetch });
  const calls = Array.from({ length: 8 }, () => free.models.list());
  await pass(0);
  assert.deepEqual([counts(), await free.waiting()], [[1, 6, 1], 0]);
  await pass(100);
  await Promise.all(calls);
  sent.length = 0;
  const limited = new Tabby({ servers, fetch, concurrency: { running: 3, waiting: 2 } });
  const more = Array.from({ length: 8 }, () => ending(limited.models.list()));
  await pass(0);
  // The queue is one for all.
  assert.deepEqual([counts(), await limited.waiting(), (await more[7]).error.code], [[1, 3, 1], 2, "queue_full"]);
  await pass(200);
  await Promise.all(more);
});

/** A stream that says one word, and then what the test says. */
function words(then) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(event(chunk({ content: "Hi" }))));
      then(controller);
    },
  });
}
const streamed = (body) => new Response(body, { headers: { "content-type": "text/event-stream" } });

test("a stream holds its place until it is left", async (t) => {
  const { fetch, pass, times } = await world(t, { answer: () => streamed(words(() => {})) });
  const tabby = new Tabby({ baseURL: BASE, fetch, concurrency: 1 });
  const [first, second] = [tabby.chat.stream(ask()), tabby.chat.stream(ask())];
  for await (const _ of first) {
    const opened = second.opened;
    await pass(500);
    assert.deepEqual([times(), await tabby.waiting()], [[0], 1]);
    opened.catch(() => {});
    break;
  }
  await second.opened;
  assert.deepEqual(times(), [0, 500]);
  second.abort();
  await pass(0);
  assert.equal((await tabby.servers())[0].in_flight, 0);
});

test("what calls wait for together comes no later for one whose reader took his time", async (t) => {
  let cut;
  const answer = (_, number) => streamed(words((controller) => (number === 0 ? (cut = () => controller.error(new Error("cut"))) : controller.close())));
  const { fetch, pass, times } = await world(t, { answer });
  const tabby = new Tabby({ baseURL: BASE, fetch, rateLimit: { requests: 1, interval: 10_000 } });
  const stream = tabby.chat.stream(ask(), { resume: { attempts: 1, base: 0, cap: 0 }, maxRetries: 0 });
  const items = stream[Symbol.asyncIterator]();
  await items.next();
  // The reader is busy for so long.
  await pass(4000, 500);
  const rest = items.next().catch(() => {});
  await pass(0);
  cut();
  await pass(5990);
  assert.deepEqual(times(), [0]);
  await pass(10);
  assert.deepEqual(times(), [0, 10_000]);
  stream.abort();
  await rest;
});

test("limits that cannot be are refused when the client is made", () => {
  const refused = (options, words) => assert.throws(() => new Tabby({ baseURL: BASE, ...options }), (error) => error instanceof TabbyError && words.test(error.message), JSON.stringify(options));
  refused({ concurrency: 0 }, /`concurrency\.running` must be an integer of at least 1, or `Infinity`/);
  refused({ concurrency: {} }, /`concurrency\.running` is missing/);
  refused({ concurrency: { limit: 4 } }, /`concurrency` has no `limit`; there are `running`, `waiting`/);
  refused({ concurrency: "4" }, /`concurrency` must be an object/);
  refused({ concurrency: { running: 1, waiting: -1 } }, /`concurrency\.waiting` must be an integer of at least 0/);
  refused({ rateLimit: {} }, /`rateLimit` sets no limit/);
  refused({ rateLimit: { requests: 5 } }, /`rateLimit\.interval` must be a number of milliseconds above 0/);
  refused({ rateLimit: { requests: 1.5, interval: 1 } }, /`rateLimit\.requests` must be an integer/);
  refused({ rateLimit: { tokens: 5, interval: 1 } }, /`rateLimit\.tokens` needs `rateLimit\.estimate`, such as `requestTokens`/);
  refused({ rateLimit: { requests: 5, interval: 1, whenFull: "drop" } }, /`rateLimit\.whenFull` must be `wait` or `refuse`/);
  refused({ breaker: { failureRate: 2 } }, /`breaker\.failureRate` must be a number above 0, up to 1/);
  refused({ breaker: { minAttempts: 0 } }, /`breaker\.minAttempts` must be an integer of at least 1/);
  refused({ breaker: { openFor: -1 } }, /`breaker\.openFor` is "-1"/);
  refused({ servers: [{ baseURL: "http://b.test", concurrency: -1 }] }, /`concurrency\.running` must be/);
});

test("settings of another name are refused, as they would be as good as unset", async () => {
  const calls = { timeouts: { first_item: 5 }, timeoutPolicy: { streams: {} }, retry: { max_retries: 1 }, limits: { bodies: 1 }, rateLimit: { requests: 1, per: 1 }, breaker: { threshold: 3 } };
  for (const [name, given] of Object.entries(calls)) {
    const [odd] = Object.keys(given).slice(-1);
    const isTold = (error) => error.code === "invalid_option" && error.message.startsWith(`\`${name}\` has no \`${odd}\`; there are \``);
    assert.throws(() => new Tabby({ baseURL: BASE, [name]: given }), isTold);
    if (["timeouts", "retry", "limits"].includes(name)) await assert.rejects(new Tabby({ baseURL: BASE }).models.list({ [name]: given }), isTold);
  }
  assert.throws(() => new Tabby({ baseURL: BASE, timeoutPolicy: { stream: { head_start: 5 } } }), /`timeoutPolicy\.stream` has no `head_start`; there are `head`, `firstItem`, `idle`, `total`/);
  assert.throws(() => new Tabby({ servers: [{ baseURL: BASE, apikey: "k" }] }), /`servers\[\]` has no `apikey`/);
  assert.throws(() => new Tabby({ baseURL: BASE, timeouts: 5000 }), /`timeouts` must be an object/);
  await assert.rejects(new Tabby({ baseURL: BASE }).chat.stream(ask(), { resume: { attempt: 3 } }).final(), /`resume` has no `attempt`; there are `attempts`/);
  // What is unset may have any name.
  new Tabby({ baseURL: BASE, timeouts: { other: undefined } });
});

test("limits keep no program alive", async (t) => {
  const { url } = await server(t, (_, response) => json(response, 200, LIST));
  const program = `
    import { Tabby } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)};
    const tabby = new Tabby({ baseURL: ${JSON.stringify(url)}, concurrency: 1, rateLimit: { requests: 2, interval: 3_600_000 }, breaker: true });
    const stop = new AbortController();
    await Promise.all([tabby.models.list(), tabby.models.list()]);
    const waits = tabby.models.list({ signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await waits.catch((error) => console.log(error.name));
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill());
  const started = Date.now();
  const output = child.stdout.toArray();
  const [code] = await once(child, "exit");
  assert.deepEqual([code, Buffer.concat(await output).toString().trim()], [0, "AbortError"]);
  assert.ok(Date.now() - started < 30_000);
});
