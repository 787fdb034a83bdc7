// What `wasm-pack build wasm` makes: loaded as its users load it, it makes calls.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { chat } from "./by-hand.mjs";
import { files } from "./files.mjs";
import { API_KEY, emulator } from "./support.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const packed = (target, file) => path.join(here, `../pkg-${target}`, file);
const FUNCTIONS = ["chunk", "close", "deadline", "detail", "dropCall", "end", "failed", "head", "key", "open", "output", "poll", "start", "woken"];

test("--target web, in Node, from bytes", async (t) => {
  const { default: init, ...core } = await import(pathToFileURL(packed("web", "tabbyapi_js.js")));
  await init({ module_or_path: readFileSync(packed("web", "tabbyapi_js_bg.wasm")) });
  for (const name of FUNCTIONS) assert.equal(typeof core[name], "function", name);
  const { url } = await emulator(t);
  const told = await chat(core, { base_url: url, api_key: API_KEY }, { messages: [{ role: "user", content: "by hand, ünd 𝄞" }] });
  assert.equal(told.text, "Echo: by hand, ünd 𝄞");
  assert.ok(told.chunks > 3, `${told.chunks} chunks`);
  // Mistakes are told, and are no traps.
  assert.equal(core.open("{"), 0);
  assert.equal(JSON.parse(core.detail()).kind, "misuse");
  assert.equal(core.poll(12345, 0), 5);
});

test("--target web, in a page, from its URL", { timeout: 60_000 }, async (t) => {
  const { url } = await emulator(t);
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage();
  // Any page of this origin will do.
  await page.goto(`${await files(t, path.join(here, "../.."))}/examples/browser-rust/`);
  const sent = await page.evaluate(async ([base_url, api_key]) => {
    const core = await import("/wasm/pkg-web/tabbyapi_js.js");
    await core.default();
    const client = core.open(JSON.stringify({ base_url, api_key }));
    const call = core.start(client, JSON.stringify({ operation: "models.current" }));
    let code = core.poll(call, performance.now());
    const { method, url: at, headers } = JSON.parse(core.detail());
    const answer = await fetch(at, { method, headers });
    code = core.head(call, performance.now(), answer.status, answer.headers.get("content-type"));
    core.chunk(call, performance.now(), new Uint8Array(await answer.arrayBuffer()));
    const told = core.output();
    code = core.end(call, performance.now());
    return { code, told: told + core.output() };
  }, [url, API_KEY]);
  assert.equal(sent.code, 4);
  assert.match(sent.told, /alpha-7B-exl3/);
});

test("--target bundler, by the way in which bundlers import modules", async (t) => {
  const { url } = await emulator(t);
  // Node has that way behind a flag.
  const args = ["--experimental-wasm-modules", "--no-warnings", path.join(here, "by-hand.mjs")];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, pathToFileURL(packed("bundler", "tabbyapi_js.js")).href, url, API_KEY]);
  assert.equal(JSON.parse(stdout).text, "Echo: by hand");
});

test("both have types and name their files", () => {
  for (const target of ["web", "bundler"]) {
    const manifest = JSON.parse(readFileSync(packed(target, "package.json"), "utf8"));
    assert.equal(manifest.type, "module");
    for (const file of [...manifest.files, manifest.main, manifest.types]) assert.ok(readFileSync(packed(target, file)).length > 0, file);
    const types = readFileSync(packed(target, manifest.types), "utf8");
    for (const name of FUNCTIONS) assert.match(types, new RegExp(`export function ${name}\\(`), `${target}: ${name}`);
  }
});
