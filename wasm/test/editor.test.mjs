// The page that completes code, in Chromium: a suggestion is shown as the user types, typed along, accepted by word and whole, and reported.
import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { files } from "./files.mjs";
import { emulator } from "./support.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TOKEN = "auth_00000000000000000000000000000001";
const BODY = "if n < 2:\n        return n\n    return fib(n - 1)";

test("the page that completes code", { timeout: 120_000 }, async (t) => {
  const server = await emulator(t, "--dialect", "tabbyml", "--token", TOKEN);
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 900, height: 640 } });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => globalThis.violations.push(`${effectiveDirective} ${blockedURI}`));
  });
  await page.goto(`${await files(t, root)}/examples/editor/`);
  await page.getByLabel("Server").fill(server.url);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("the server answered 401").waitFor();
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("mock-completion completes").waitFor();

  // The field has the focus.
  await page.keyboard.type("def fib(n):\n    ");
  const ghost = page.locator("#ghost");
  const shows = (text) => page.waitForFunction((text) => document.getElementById("ghost").textContent === text, text, { timeout: 10_000 });
  await shows(BODY);
  await server.seen("request POST /v1/completions");
  await server.seen("request POST /v1/events");
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "editor.png") });
  const asked = () => server.lines.filter((line) => line.includes("/v1/completions")).length;
  const before = asked();
  await page.keyboard.type("if n");
  await shows(BODY.slice(4));
  await page.keyboard.press("Control+ArrowRight");
  await shows(BODY.slice(6));
  await server.seen("request POST /v1/events?select_kind=line");
  // It lies where it will be inserted.
  const places = await page.evaluate(() => [document.getElementById("behind"), document.getElementById("code")].map((element) => element.scrollHeight));
  assert.ok(places[0] >= places[1]);
  await page.keyboard.press("Tab");
  assert.equal(await page.getByLabel("Python").inputValue(), `def fib(n):\n    ${BODY}`);
  assert.equal(await ghost.textContent(), "");
  assert.equal(asked(), before, "what was known was not asked for");

  // In the middle of a text what follows moves down.
  await page.getByLabel("Python").fill("def fib(n):\n    \n\nprint(fib(9))\n");
  await page.evaluate(() => document.getElementById("code").setSelectionRange(16, 16));
  await page.keyboard.press("Control+Space");
  await shows(BODY);
  assert.ok(await page.evaluate(() => document.getElementById("editor").classList.contains("moved")));
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "editor-moved.png") });
  await page.keyboard.press("Escape");
  await shows("");
  assert.deepEqual(errors, []);
  assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
});
