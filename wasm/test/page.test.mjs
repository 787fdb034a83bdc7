// The chat page in Rust, in Chromium: models are listed, tokens arrive one after another, stopping reaches the server.
import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { files } from "./files.mjs";
import { API_KEY, emulator, sleep } from "./support.mjs";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../examples/browser-rust");
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

test("the page in Rust", { timeout: 120_000 }, async (t) => {
  const server = await emulator(t, "--token-delay-ms", "150");
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 900, height: 640 } });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => globalThis.violations.push(`${effectiveDirective} ${blockedURI}`));
  });
  await page.goto(await files(t, folder));
  // Only scripts from files run: a script that somebody puts into the page does not.
  await page.evaluate(() => document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.injected = true" })));
  assert.equal(await page.evaluate(() => globalThis.injected), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll("script:not([src]), style, [style], [onclick]").length), 1);

  await page.getByLabel("Server").fill(server.url);
  await page.getByLabel("API key").fill("wrong");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("the server answered 401").waitFor();
  await page.getByLabel("API key").fill(API_KEY);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("alpha-7B-exl3 is loaded").waitFor();
  assert.equal(await page.locator("li[aria-current]").textContent(), "alpha-7B-exl3");

  // The field has the focus.
  await page.keyboard.type("one two three four five");
  await page.keyboard.press("Enter");
  const answer = page.locator("#log p:not(.question)").last();
  const lengths = new Set();
  const until = Date.now() + 20_000;
  while (Date.now() < until && (await answer.textContent()) !== "Echo: one two three four five") {
    lengths.add((await answer.textContent()).length);
    await sleep(15);
  }
  assert.equal(await answer.textContent(), "Echo: one two three four five");
  assert.ok(lengths.size > 4, `the text had ${lengths.size} lengths on the way`);
  await page.getByText(/tokens in .* s\./).waitFor();

  await page.getByLabel("Message").fill("many words ".repeat(60));
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#log p:not(.question)", { hasText: "Echo: many" }).waitFor();
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "page-in-rust-light.png") });
  await page.getByRole("button", { name: "Stop" }).click();
  await server.seen("disconnect POST /v1/chat/completions");
  await page.getByText("Stopped.").waitFor();

  // The page goes on.
  await page.getByLabel("Message").fill("again");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#log p:not(.question)", { hasText: "Echo: again" }).waitFor();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "page-in-rust-dark.png") });
  assert.deepEqual(errors, []);
  // The page itself needs nothing that its policy forbids.
  assert.deepEqual(await page.evaluate(() => globalThis.violations), ["script-src-elem inline"]);
});
