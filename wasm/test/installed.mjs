// The package as it is packed and installed, and what is run with it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import webpack from "webpack";
import { API_KEY } from "./support.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

export const folder = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-hosts-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A project with the package installed from its tarball. */
export function project(name) {
  const made = path.join(folder, name);
  const installed = path.join(made, "node_modules/tabbyapi");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", path.join(folder, packed().filename), "-C", installed, "--strip-components=1"]);
  writeFileSync(path.join(made, "package.json"), '{"type": "module"}');
  return made;
}

let reported;

/** What npm tells of the tarball. */
export function packed() {
  if (!reported) {
    const args = ["pack", "--json", "--pack-destination", folder];
    [reported] = JSON.parse(execFileSync("npm", args, { cwd: path.join(here, ".."), stdio: ["ignore", "pipe", "ignore"] }));
  }
  return reported;
}

/** A function `says` that asks, stops in the middle of another answer, and tells what it saw. */
export const SAYS = (url, from = "tabbyapi") => `
import { Tabby, TabbyError } from "${from}";
const tabby = new Tabby({ baseURL: "${url}", apiKey: "${API_KEY}" });
async function says() {
  let pieces = 0;
  const stream = tabby.chat.stream({ messages: [{ role: "user", content: "in this host" }], max_tokens: 100 });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) pieces++;
  const { choices } = await stream.finalMessage();
  for await (const chunk of tabby.chat.stream({ messages: [{ role: "user", content: "words ".repeat(99) }], max_tokens: 500 })) break;
  let code;
  try { await new Tabby({ baseURL: "${url}", apiKey: "wrong" }).models.list(); } catch (error) { code = error instanceof TabbyError && error.code; }
  return { text: choices[0].message.content, many: pieces > 3, code };
}
`;

/** The same as a program: it prints, or writes into its page. */
export const SCRIPT = (url, from) => `${SAYS(url, from)}
const said = JSON.stringify(await says());
globalThis.document ? (document.body.textContent = said) : console.log(said);
`;
export const SAID = { text: "Echo: in this host", many: true, code: "invalid_key" };

/** What the emulator is started with, so that somebody can leave in the middle; what it logs then. */
export const slow = ["--token-delay-ms", "20"];
export const DISCONNECT = "disconnect POST /v1/chat/completions";

/** A page at this address, in Chromium, and what it failed of. */
export async function open(t, url) {
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  return { page, errors };
}

/** What the page at this address says. */
export async function inChromium(t, url) {
  const { page, errors } = await open(t, url);
  await page.waitForFunction(() => document.body.textContent.trim().startsWith("{"), undefined, { timeout: 20_000 }).catch((error) => {
    throw new Error(`${error.message}\n${errors.join("\n")}`);
  });
  return JSON.parse(await page.textContent("body"));
}

/** Bundles main.js of a project with webpack, with settings of its own, and gives the folder. The module comes along as a file. */
export async function webpacked(made, settings = {}) {
  const folder = path.join(made, "dist");
  const output = { path: folder, filename: "main.js", ...settings.output };
  const compiler = webpack({ mode: "production", context: made, entry: "./main.js", performance: false, ...settings, output });
  const stats = await promisify(compiler.run.bind(compiler))();
  await promisify(compiler.close.bind(compiler))();
  assert.deepEqual(stats.toJson({ all: false, errors: true, warnings: true }), { errors: [], warnings: [] });
  const emitted = readdirSync(folder);
  assert.ok(emitted.some((name) => name.endsWith(".wasm")), `emitted: ${emitted}`);
  return folder;
}
