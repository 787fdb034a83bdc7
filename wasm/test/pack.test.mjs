// What `wasm-pack build wasm` makes: loaded as its users load it, it makes calls.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import * as vite from "vite";
import wasm from "vite-plugin-wasm";
import { chat } from "./by-hand.mjs";
import { files } from "./files.mjs";
import { inChromium, open, webpacked } from "./installed.mjs";
import { API_KEY, emulator } from "./support.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const packed = (target, file) => path.join(here, `../pkg-${target}`, file);
const FUNCTIONS = ["chunk", "close", "deadline", "detail", "dropCall", "end", "failed", "head", "key", "open", "output", "poll", "start", "woken"];

test("--target web, in Node, from bytes", async (t) => {
  const { default: init, ...core } = await import(pathToFileURL(packed("web", "tabbyapi_js.js")));
  await init({ module_or_path: readFileSync(packed("web", "tabbyapi_js_bg.wasm")) });
  for (const name of FUNCTIONS) assert.equal(typeof core[name], "function", name);
  const { url } = await emulator(t);
  const reported = await chat(core, { base_url: url, api_key: API_KEY }, { messages: [{ role: "user", content: "by hand, ünd 𝄞" }] });
  assert.equal(reported.text, "Echo: by hand, ünd 𝄞");
  assert.ok(reported.chunks > 3, `${reported.chunks} chunks`);
  // Mistakes are reported, and do not trap.
  assert.equal(core.open("{"), 0);
  assert.equal(JSON.parse(core.detail()).kind, "misuse");
  assert.equal(core.poll(12345, 0), 5);
});

test("--target web, in a page, from its URL", { timeout: 60_000 }, async (t) => {
  const { url } = await emulator(t);
  // Any page of this origin will do.
  const { page } = await open(t, `${await files(t, path.join(here, "../.."))}/examples/browser-rust/`);
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
    const reported = core.output();
    code = core.end(call, performance.now());
    return { code, reported: reported + core.output() };
  }, [url, API_KEY]);
  assert.equal(sent.code, 4);
  assert.match(sent.reported, /alpha-7B-exl3/);
});

/** A project with the package that wasm-pack made, and a program on it. */
function project(t, url) {
  const made = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-pack-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  cpSync(path.dirname(packed("bundler", "package.json")), path.join(made, "node_modules/tabbyapi-js"), { recursive: true });
  writeFileSync(path.join(made, "package.json"), '{"type": "module"}');
  writeFileSync(path.join(made, "index.html"), '<!doctype html><body></body><script type="module" src="/main.js"></script>');
  const program = `import * as core from "tabbyapi-js";
import { chat } from ${JSON.stringify(path.join(here, "by-hand.mjs"))};
const reported = await chat(core, { base_url: "${url}", api_key: "${API_KEY}" }, { messages: [{ role: "user", content: "by hand" }] });
const said = JSON.stringify({ text: reported.text, many: reported.chunks > 3 });
globalThis.document ? (document.body.textContent = said) : console.log(said);
`;
  writeFileSync(path.join(made, "main.js"), program);
  return made;
}
const SAID = { text: "Echo: by hand", many: true };

test("--target bundler, by the way in which bundlers import modules", async (t) => {
  const made = project(t, (await emulator(t)).url);
  // Node has that way behind a flag.
  const { stdout } = await promisify(execFile)(process.execPath, ["--experimental-wasm-modules", "--no-warnings", "main.js"], { cwd: made });
  assert.deepEqual(JSON.parse(stdout), SAID);
});

// Its users switch on webpack's own way of importing modules.
const asyncWebAssembly = true;

test("--target bundler, through webpack, in Node", { timeout: 60_000 }, async (t) => {
  const made = project(t, (await emulator(t)).url);
  const out = await webpacked(made, { target: "node", output: { module: true }, experiments: { asyncWebAssembly, outputModule: true } });
  // What was not bundled is not there any more.
  rmSync(path.join(made, "node_modules"), { recursive: true });
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(out, "main.js")]);
  assert.deepEqual(JSON.parse(stdout), SAID);
});

test("--target bundler, through webpack, in a page", { timeout: 60_000 }, async (t) => {
  const made = project(t, (await emulator(t)).url);
  const out = await webpacked(made, { target: "web", experiments: { asyncWebAssembly } });
  cpSync(path.join(made, "index.html"), path.join(out, "index.html"));
  assert.deepEqual(await inChromium(t, `${await files(t, out)}/`), SAID);
});

for (const mode of ["build", "dev"]) {
  test(`--target bundler, through Vite ${mode} with vite-plugin-wasm, in a page`, { timeout: 120_000 }, async (t) => {
    const made = project(t, (await emulator(t)).url);
    const config = { root: made, configFile: false, logLevel: "error", plugins: [wasm()], build: { target: "es2022" } };
    if (mode === "build") {
      await vite.build(config);
      return assert.deepEqual(await inChromium(t, `${await files(t, path.join(made, "dist"))}/`), SAID);
    }
    // The abi's helpers lie outside of the project.
    const server = { host: "127.0.0.1", port: 0, fs: { strict: false } };
    const dev = await vite.createServer({ ...config, server });
    await dev.listen();
    t.after(() => dev.close());
    assert.deepEqual(await inChromium(t, `http://127.0.0.1:${dev.httpServer.address().port}/`), SAID);
  });
}

test("both have types and name their files", () => {
  for (const target of ["web", "bundler"]) {
    const manifest = JSON.parse(readFileSync(packed(target, "package.json"), "utf8"));
    assert.equal(manifest.type, "module");
    for (const file of [...manifest.files, manifest.main, manifest.types]) assert.ok(readFileSync(packed(target, file)).length > 0, file);
    const types = readFileSync(packed(target, manifest.types), "utf8");
    for (const name of FUNCTIONS) assert.match(types, new RegExp(`export function ${name}\\(`), `${target}: ${name}`);
  }
});
