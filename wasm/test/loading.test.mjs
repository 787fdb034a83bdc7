// Pages and extensions in which the module cannot be had: one error that says what helps; and those in which it comes in another way.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import * as esbuild from "esbuild";
import { chromium } from "playwright-core";
import { files } from "./files.mjs";
import { SAID, SAYS, inChromium, project, slow } from "./installed.mjs";
import { emulator } from "./support.mjs";

/** Says what `says` does, or what it fails of: an error of the package, and nothing left unhandled. */
const FAILS = (url, from) => `${SAYS(url, from)}
const unhandled = [];
addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));
const said = await says().catch((error) => ({ is: error instanceof TabbyError, code: error.code, message: error.message }));
const calls = [tabby.models.list(), tabby.chat.create({ messages: [] }), tabby.chat.stream({ messages: [] }).final(), tabby.chat.stream({ messages: [] }).opened];
said.codes = await Promise.all(calls.map((call) => call.then(() => "ok", ({ code }) => code)));
await new Promise((resolve) => setTimeout(resolve, 50));
document.body.textContent = JSON.stringify({ ...said, unhandled });
`;

const UNAVAILABLE = Array(4).fill("module_unavailable");

/** A page with this entry of the package, and what it says. */
async function page(t, name, entry, { headers, missing, before = "", init } = {}) {
  const { url } = await emulator(t, ...slow);
  const made = project(name);
  writeFileSync(path.join(made, "before.js"), before);
  writeFileSync(path.join(made, "main.js"), FAILS(url, `./node_modules/tabbyapi/dist/${entry}`));
  writeFileSync(path.join(made, "index.html"), '<!doctype html><body></body><script src="before.js"></script><script type="module" src="main.js"></script>');
  for (const file of init ?? []) rmSync(path.join(made, "node_modules/tabbyapi/dist", file));
  return inChromium(t, `${await files(t, made, headers, missing)}/`);
}

const POLICY = { "content-security-policy": "script-src 'self'" };

for (const entry of ["web.js", "browser.js", "inline.js"]) {
  test(`a policy that forbids WebAssembly: ${entry}`, { timeout: 60_000 }, async (t) => {
    const { is, code, message, codes, unhandled } = await page(t, `policy ${entry}`, entry, { headers: POLICY });
    assert.deepEqual([is, code, codes, unhandled], [true, "module_unavailable", UNAVAILABLE, []]);
    assert.match(message, /this host does not allow compiling WebAssembly.*'wasm-unsafe-eval'.*`?script-src`?/);
  });

  test(`a page without WebAssembly: ${entry}`, { timeout: 60_000 }, async (t) => {
    const { is, code, message, codes, unhandled } = await page(t, `none ${entry}`, entry, { before: "delete globalThis.WebAssembly;" });
    assert.deepEqual([is, code, codes, unhandled], [true, "module_unavailable", UNAVAILABLE, []]);
    assert.match(message, /this host has no WebAssembly; enable it/);
  });
}

test("a page in the place of the file", { timeout: 60_000 }, async (t) => {
  const html = { init: ["tabbyapi.wasm"], missing: "<!doctype html>" };
  const { is, code, message, codes, unhandled } = await page(t, "html", "web.js", html);
  assert.deepEqual([is, code, codes, unhandled], [true, "module_unavailable", UNAVAILABLE, []]);
  assert.match(message, /tabbyapi\.wasm is not a WebAssembly module; serve `tabbyapi\.wasm` from.*"tabbyapi\/inline"/);
  const missing = await page(t, "missing", "web.js", { init: ["tabbyapi.wasm"] });
  assert.match(missing.message, /tabbyapi\.wasm has status 404/);
  // What has the text beside the file goes on with that.
  for (const settings of [html, { init: ["tabbyapi.wasm"] }]) {
    const { text, codes } = await page(t, `html ${settings.missing}`, "browser.js", settings);
    assert.deepEqual([text, codes[0]], [SAID.text, "ok"]);
  }
  const neither = await page(t, "neither", "browser.js", { init: ["tabbyapi.wasm", "module.js"] });
  assert.deepEqual([neither.is, neither.codes], [true, UNAVAILABLE]);
});

test("an extension, as it is by default and with a policy that allows it", { timeout: 90_000 }, async (t) => {
  const { url } = await emulator(t, ...slow);
  const made = project("extension");
  writeFileSync(path.join(made, "main.js"), FAILS(url, "tabbyapi"));
  await esbuild.build({ entryPoints: ["main.js"], absWorkingDir: made, outfile: path.join(made, "extension/main.js"), bundle: true, format: "esm", target: "es2022", conditions: ["browser"], loader: { ".wasm": "file" } });
  writeFileSync(path.join(made, "extension/page.html"), '<!doctype html><body></body><script type="module" src="main.js"></script>');
  const manifest = { manifest_version: 3, name: "t", version: "1", host_permissions: ["http://127.0.0.1/*"] };
  const extension = path.join(made, "extension");
  const id = [...createHash("sha256").update(extension).digest("hex").slice(0, 32)].map((digit) => String.fromCharCode(97 + parseInt(digit, 16))).join("");
  const policy = { extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" };
  for (const more of [{}, { content_security_policy: policy }]) {
    writeFileSync(path.join(extension, "manifest.json"), JSON.stringify({ ...manifest, ...more }));
    const profile = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-profile-"));
    const args = ["--no-sandbox", "--disable-gpu", `--disable-extensions-except=${extension}`, `--load-extension=${extension}`, "--disable-features=DisableLoadExtensionCommandLineSwitch"];
    const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROME ?? "/usr/bin/chromium", headless: false, args: [...args, "--headless=new"] });
    t.after(() => rmSync(profile, { recursive: true, force: true }));
    try {
      const opened = await context.newPage();
      await opened.goto(`chrome-extension://${id}/page.html`);
      await opened.waitForFunction(() => document.body.textContent.trim().startsWith("{"));
      const said = JSON.parse(await opened.textContent("body"));
      assert.deepEqual(said.unhandled, []);
      if (Object.keys(more).length > 0) assert.deepEqual([said.text, said.codes[0]], [SAID.text, "ok"]);
      else assert.match(said.message, /'wasm-unsafe-eval'.*extension/);
      if (Object.keys(more).length === 0) assert.deepEqual(said.codes, UNAVAILABLE);
    } finally {
      await context.close();
    }
  }
});
