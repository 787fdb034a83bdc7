// The package as it is installed, in workers of Chromium. A service worker allows neither `await` at the top of a module nor
// `import()`, and lives only as long as an event of it does.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import * as esbuild from "esbuild";
import { files } from "./files.mjs";
import { DISCONNECT, SAID, SAYS, open, project, slow } from "./installed.mjs";
import { emulator } from "./support.mjs";

const ENTRY = "./node_modules/tabbyapi/dist";

/** Answers messages with what it said, and the page's request for `/tokens` with the tokens as they come. */
const SERVICE_WORKER = (url, from) => `${SAYS(url, from)}
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("message", (event) => {
  const answer = says().catch((error) => ({ name: error.name, code: error.code, message: error.message }));
  event.waitUntil(answer.then((said) => event.ports[0].postMessage(said)));
});
addEventListener("fetch", (event) => {
  const { pathname, searchParams } = new URL(event.request.url);
  if (pathname !== "/tokens") return;
  const stream = tabby.chat.stream({ messages: [{ role: "user", content: searchParams.get("ask") }], max_tokens: 500 });
  event.respondWith(new Response(stream.toReadableStream()));
});
`;

/** A page of this project which has its service worker. */
async function controlled(t, made, script, type) {
  writeFileSync(path.join(made, "index.html"), "<!doctype html><body></body>");
  const { page, errors } = await open(t, `${await files(t, made)}/`);
  t.after(() => assert.deepEqual(errors, []));
  await page.evaluate(async ([script, type]) => {
    const taken = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    await navigator.serviceWorker.register(script, { type });
    await taken;
  }, [script, type]);
  return page;
}

const say = (page) =>
  page.evaluate(() => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    navigator.serviceWorker.controller.postMessage("say", [port2]);
  }));

/** Tokens by way of the service worker: the text, and in how many pieces it came; only the first, if `once`. */
const tokens = (page, ask, once = false) =>
  page.evaluate(async ([ask, once]) => {
    const reader = (await fetch(`/tokens?ask=${encodeURIComponent(ask)}`)).body.pipeThrough(new TextDecoderStream()).getReader();
    let [text, pieces] = ["", 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
      pieces++;
      if (once) await reader.cancel();
    }
    const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    return { text: lines.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), pieces };
  }, [ask, once]);

for (const entry of ["browser", "web", "inline"]) {
  test(`a service worker, by ${entry}.js`, { timeout: 60_000 }, async (t) => {
    const server = await emulator(t, ...slow);
    const made = project(`service-worker-${entry}`);
    writeFileSync(path.join(made, "worker.js"), SERVICE_WORKER(server.url, `${ENTRY}/${entry}.js`));
    const page = await controlled(t, made, "/worker.js", "module");
    assert.deepEqual(await say(page), SAID);
    await server.seen(DISCONNECT);
  });
}

test("a service worker passes tokens on, and stops when the page leaves", { timeout: 60_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("service-worker-tokens");
  writeFileSync(path.join(made, "worker.js"), SERVICE_WORKER(server.url, `${ENTRY}/browser.js`));
  const page = await controlled(t, made, "/worker.js", "module");
  const { text, pieces } = await tokens(page, "by way of a service worker");
  assert.equal(text, "Echo: by way of a service worker");
  assert.ok(pieces > 3, `${pieces} pieces`);
  assert.equal(server.lines.filter((line) => line.startsWith("disconnect")).length, 0);
  await tokens(page, "words ".repeat(99), true);
  await server.seen(DISCONNECT);
});

test("a service worker of one classic script, bundled", { timeout: 60_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("service-worker-classic");
  writeFileSync(path.join(made, "main.js"), SERVICE_WORKER(server.url));
  // `import.meta` is empty there, of which esbuild warns; the package then has its module from its own text.
  const quiet = { logOverride: { "empty-import-meta": "silent" } };
  await esbuild.build({ entryPoints: ["main.js"], absWorkingDir: made, outfile: "worker.js", bundle: true, minify: true, format: "iife", ...quiet });
  const page = await controlled(t, made, "/worker.js", "classic");
  assert.deepEqual(await say(page), SAID);
  await server.seen(DISCONNECT);
});

test("a service worker of several scripts, bundled without the module's file, is reported what to do", { timeout: 60_000 }, async (t) => {
  const server = await emulator(t);
  const made = project("service-worker-split");
  writeFileSync(path.join(made, "main.js"), SERVICE_WORKER(server.url));
  await esbuild.build({ entryPoints: ["main.js"], absWorkingDir: made, outdir: "out", bundle: true, format: "esm", splitting: true });
  writeFileSync(path.join(made, "worker.js"), 'import "./out/main.js";');
  const page = await controlled(t, made, "/worker.js", "module");
  const said = await say(page);
  assert.deepEqual([said.name, said.code], ["TabbyError", "module_unavailable"], said.message);
  assert.match(said.message, /import\(\) is disallowed.*tabbyapi\/inline/);
});

for (const kind of ["Worker", "SharedWorker"]) {
  test(`a ${kind}`, { timeout: 60_000 }, async (t) => {
    const server = await emulator(t, ...slow);
    const made = project(kind);
    const says = `${SAYS(server.url, `${ENTRY}/browser.js`)}
const answer = (port) => says().catch(String).then((said) => port.postMessage(said));
"onconnect" in globalThis ? (onconnect = ({ ports: [port] }) => answer(port)) : answer(globalThis);
`;
    writeFileSync(path.join(made, "worker.js"), says);
    writeFileSync(path.join(made, "index.html"), "<!doctype html><body></body>");
    const { page } = await open(t, `${await files(t, made)}/`);
    const said = await page.evaluate((kind) => new Promise((resolve, reject) => {
      const worker = new globalThis[kind]("/worker.js", { type: "module" });
      worker.onerror = ({ message }) => reject(new Error(message));
      (worker.port ?? worker).onmessage = ({ data }) => resolve(data);
    }), kind);
    assert.deepEqual(said, SAID);
    await server.seen(DISCONNECT);
  });
}
