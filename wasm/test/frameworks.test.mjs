// The examples in frameworks, built and used in a page, against the emulated server.
import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import * as vite from "vite";
import { project, run, serve } from "./heavy.mjs";
import { open } from "./installed.mjs";
import { API_KEY, emulator } from "./support.mjs";

const examples = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../examples");

/** A project with the package and an example. */
function example(name) {
  const made = project(`example ${name}`, {});
  cpSync(path.join(examples, name), made, { recursive: true });
  return made;
}

async function ask(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

test("React and Vite: a chat that streams, is stopped, and shows errors", { timeout: 180_000 }, async (t) => {
  const { url, seen } = await emulator(t, "--token-delay-ms", "20");
  const made = example("react-vite");
  const { default: config } = await import(path.join(made, "vite.config.mjs"));
  const define = (key) => ({ "import.meta.env.VITE_TABBY_API_KEY": JSON.stringify(key) });
  const built = { ...config, root: made, configFile: false, logLevel: "error" };
  const preview = async (key, outDir) => {
    await vite.build({ ...built, define: define(key), build: { ...config.build, outDir } });
    const server = await vite.preview({ ...built, build: { outDir }, preview: { host: "127.0.0.1", port: 0, proxy: { "/v1": url } } });
    t.after(() => server.close());
    return `http://127.0.0.1:${server.httpServer.address().port}/`;
  };
  const { page } = await open(t, await preview(API_KEY, "out"));
  await ask(page, "hi there");
  await page.getByText("Echo: hi there").waitFor();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await ask(page, "words ".repeat(99));
  await page.getByText(/^Echo: words/).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Send" }).waitFor();
  await seen("disconnect POST /v1/chat/completions");
  const { page: refused } = await open(t, await preview("wrong-key", "refused"));
  await ask(refused, "hi");
  assert.match(await refused.getByRole("alert").textContent(), /Invalid API key/);
});

test("Next: a route that keeps the key, and a page that reads its stream", { timeout: 300_000 }, async (t) => {
  const { url } = await emulator(t);
  const made = example("next");
  const root = path.dirname(path.dirname(made));
  project("example next", { "next.config.mjs": `export default { outputFileTracingRoot: ${JSON.stringify(root)}, turbopack: { root: ${JSON.stringify(root)} } };` });
  const next = path.join(root, "node_modules/next/dist/bin/next");
  const env = { NEXT_TELEMETRY_DISABLED: "1", TABBY_URL: url };
  await run(process.execPath, [next, "build"], made, env);
  for (const key of [API_KEY, "wrong-key"]) {
    const port = await freePort();
    const served = `http://127.0.0.1:${port}/`;
    await serve(t, process.execPath, [next, "start", "-p", String(port)], made, served, { ...env, TABBY_API_KEY: key });
    const { page } = await open(t, served);
    await ask(page, "hi there");
    if (key === API_KEY) await page.getByText("Echo: hi there").waitFor();
    else await page.locator("p[role=alert]").waitFor();
  }
});

async function freePort() {
  const listening = net.createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address();
  listening.close();
  await once(listening, "close");
  return port;
}
