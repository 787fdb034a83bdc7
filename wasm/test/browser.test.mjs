// The chat page in Chromium: a person types, sees tokens arrive one after another, stops, loads a model.
import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { files } from "./files.mjs";
import { ADMIN_KEY, API_KEY, emulator, sleep } from "./support.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
async function open(t, options) {
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args });
  t.after(() => browser.close());
  const page = await browser.newPage(options);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  t.after(() => assert.deepEqual(errors, []));
  return page;
}

test("the chat page", { timeout: 120_000 }, async (t) => {
  const server = await emulator(t, "--token-delay-ms", "40", "--load-delay-ms", "60");
  const page = await open(t, { viewport: { width: 900, height: 700 } });
  await page.goto(`${await files(t, root)}/examples/browser/`);
  // The page allows no script but its files: what somebody puts into it does not run.
  await page.evaluate(() => document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.injected = true" })));
  assert.equal(await page.evaluate(() => globalThis.injected), undefined);
  assert.equal(await page.evaluate(() => document.querySelectorAll("script:not([src]), style, [style], [onclick]").length), 1);

  await page.getByLabel("Server", { exact: true }).fill(server.url);
  await page.getByLabel("API key", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("the server answered 401").waitFor();
  await page.getByLabel("API key", { exact: true }).fill(API_KEY);
  await page.getByLabel("Admin key").fill(ADMIN_KEY);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("alpha-7B-exl3 is loaded").waitFor();

  // Looked at from inside, since a busy machine asks too seldom from outside.
  await page.evaluate(() => {
    globalThis.lengths = new Set();
    const look = () => globalThis.lengths.add([...document.querySelectorAll("article:not(.user) .text")].map((text) => text.textContent.length).join());
    new MutationObserver(look).observe(document.getElementById("log"), { subtree: true, childList: true, characterData: true });
  });
  // With the keyboard alone: the field has the focus.
  await page.keyboard.type("one two three four five");
  await page.keyboard.press("Enter");
  await page.getByText("Echo: one two three four five", { exact: true }).waitFor();
  const lengths = await page.evaluate(() => globalThis.lengths.size);
  assert.ok(lengths > 3, `the text had ${lengths} lengths on the way`);
  assert.match(await page.locator("article .rate").last().textContent(), /tokens per second/);
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "chat-light.png") });

  await page.getByLabel("Message").fill("many words ".repeat(60));
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("article:not(.user) .text:visible", { hasText: "Echo: many" }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await server.seen("disconnect POST /v1/chat/completions");
  await page.getByText(", stopped").waitFor();

  // A thought and a call, which the emulated model does not make by itself.
  const delta = (delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}\r\n\r\n`;
  const call = { id: "call_1", index: 0, type: "function", function: { name: "get_weather", arguments: '{"city": "Oslo"}' } };
  await page.route("**/v1/chat/completions", (route) =>
    route.fulfill({
      headers: { "access-control-allow-origin": "*", "content-type": "text/event-stream" },
      body: `${delta({ role: "assistant", reasoning_content: "I must look it up." })}${delta({ content: "One moment." })}${delta({ tool_calls: [call] })}data: [DONE]\r\n\r\n`,
    }),
  );
  await page.getByLabel("Message").fill("How is the weather in Oslo?");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Calls get_weather").waitFor();
  assert.equal(await page.getByText("I must look it up.").isVisible(), false, "reasoning is folded");
  await page.getByText("Reasoning", { exact: true }).locator("visible=true").press("Enter");
  await page.getByText("I must look it up.").waitFor();
  await page.getByText('{"city": "Oslo"}').waitFor();
  // The text for a screen reader, once the answer is whole.
  assert.equal(await page.locator("#announce[role=status]").textContent(), "Answer: One moment.");
  await page.unroute("**/v1/chat/completions");
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "chat-tools.png") });

  // A question that fails is taken back: the model is asked the next one as if it had not been.
  const asked = [];
  let failing = true;
  await page.route("**/v1/chat/completions", (route) => {
    asked.push(route.request().postDataJSON().messages.map(({ role }) => role));
    const headers = { "access-control-allow-origin": "*" };
    if (failing) return route.fulfill({ status: 400, headers: { ...headers, "content-type": "application/json" }, body: '{"detail":"TemplateError: roles must alternate"}' });
    return route.fulfill({ headers: { ...headers, "content-type": "text/event-stream" }, body: `${delta({ content: "Better." })}data: [DONE]\r\n\r\n` });
  });
  const blocks = await page.locator("article").count();
  await page.getByLabel("Message").fill("A question that fails");
  await page.getByRole("button", { name: "Send" }).click();
  // Where the reader looks: at the end of the conversation, announced at once.
  await page.locator("#log > .failure.bad[role=alert]:last-child", { hasText: "roles must alternate" }).waitFor();
  assert.equal(await page.locator("article").count(), blocks, "no block of it stays");
  assert.equal(await page.getByLabel("Message").inputValue(), "A question that fails");
  failing = false;
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Better.", { exact: true }).waitFor();
  assert.equal(await page.locator(".bad").count(), 0, "the red error is gone");
  assert.deepEqual(asked[1], asked[0]);
  assert.ok(asked[1].every((role, at) => role === (at % 2 ? "assistant" : "user")), String(asked[1]));
  await page.unroute("**/v1/chat/completions");

  // The keyboard stops, too.
  await page.getByLabel("Message").fill("more words ".repeat(60));
  await page.keyboard.press("Enter");
  await page.locator("article:not(.user) .text:visible", { hasText: "Echo: more" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText(", stopped").nth(1).waitFor();

  await page.getByRole("combobox").selectOption("beta-3B-exl3");
  await page.evaluate(() => {
    const bar = document.getElementById("bar");
    globalThis.values = new Set();
    new MutationObserver(() => globalThis.values.add(bar.value)).observe(bar, { attributes: true, attributeFilter: ["value"] });
  });
  await page.getByRole("button", { name: "Load", exact: true }).click();
  const announced = await page.evaluate(() => {
    globalThis.said = [];
    new MutationObserver(() => globalThis.said.push(document.getElementById("status").textContent)).observe(document.getElementById("status"), { childList: true, characterData: true, subtree: true });
    return document.getElementById("status").textContent;
  });
  assert.equal(announced, "Loading beta-3B-exl3.");
  await page.getByText("beta-3B-exl3 is loaded").waitFor();
  const values = await page.evaluate(() => [...globalThis.values]);
  assert.ok(values.length > 2, `the bar stood at ${values}`);
  assert.deepEqual(await page.evaluate(() => globalThis.said), ["beta-3B-exl3 is loaded."], "modules are not announced one by one");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: path.join(process.env.SHOTS ?? "/tmp", "chat-dark.png") });
});

/** Every element that says something is in a landmark, and has a name if it is a form. */
const OUTSIDE = () =>
  [...document.body.querySelectorAll("*")].filter((node) => node.children.length === 0 && node.textContent.trim() !== "" && !node.closest("header, main, footer")).map((node) => node.outerHTML);

test("the chat page on a small screen", { timeout: 120_000 }, async (t) => {
  const server = await emulator(t, "--token-delay-ms", "10");
  const page = await open(t, { viewport: { width: 360, height: 640 } });
  const missing = [];
  page.on("response", (response) => response.status() === 404 && missing.push(response.url()));
  await page.goto(`${await files(t, root)}/examples/browser/`);
  assert.equal(await page.locator("#load").isVisible(), false, "there is nothing to load yet");
  assert.equal(await page.getByLabel("Model", { exact: true }).isVisible(), false);
  await page.getByLabel("Server", { exact: true }).fill(server.url);
  await page.getByLabel("API key", { exact: true }).fill(API_KEY);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("alpha-7B-exl3 is loaded").waitFor();
  assert.equal(await page.locator("#load").isVisible(), false, "without an admin key nothing can be loaded");
  const { height } = await page.locator("#log").boundingBox();
  assert.ok(height >= 400, `the conversation has ${height} of 640 px`);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  assert.deepEqual(await page.evaluate(OUTSIDE), []);
  assert.deepEqual(missing, []);

  // Who scrolls up during an answer stays there; who is at the end follows it.
  const scrolled = () => page.locator("#log").evaluate((log) => [log.scrollTop, log.scrollHeight - log.clientHeight - log.scrollTop]);
  await page.getByLabel("Message").fill("many words ".repeat(150));
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForFunction(() => document.querySelector("article:not(.user) .text:not(details .text)")?.textContent.length > 600);
  assert.ok((await scrolled())[1] < 60, `it follows: ${await scrolled()}`);
  await page.locator("#log").evaluate((log) => (log.scrollTop = 0));
  await sleep(300);
  assert.equal((await scrolled())[0], 0);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText(", stopped").waitFor();
  assert.equal((await scrolled())[0], 0);

  // An answer that breaks before its text leaves no empty bubble, and its error is beside what there is of it.
  await page.route("**/v1/chat/completions", (route) =>
    route.fulfill({
      headers: { "access-control-allow-origin": "*", "content-type": "text/event-stream" },
      body: `data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: "Hm." }, finish_reason: null }] })}\r\n\r\ndata: {"error": {"message": "out of memory"}}\r\n\r\n`,
    }),
  );
  await page.getByLabel("Message").fill("It breaks");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#log > .failure", { hasText: "out of memory" }).waitFor();
  const last = page.locator("article").last();
  assert.equal(await last.getByText("Reasoning", { exact: true }).isVisible(), true);
  assert.equal(await last.locator(":scope > .text").first().isVisible(), false);
});
