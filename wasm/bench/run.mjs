// Numbers of the package in one run: node bench/run.mjs [--quick | --node] [COUNT]
//
// Sizes beside those of other libraries; the time from `import` to the first answer; the time that the package adds to the first token;
// nanoseconds per chunk on the same bytes by draining them, by fetch with JSON.parse, by eventsource-parser with JSON.parse, by this package, by npm
// openai and by the AI SDK; memory over 10,000 streams. In Node and in Chromium (--node: only there). A server of its own sends the bytes over
// loopback. --quick takes seconds: it shows that all of it works. Needs the built package and test/node_modules.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";
import { NAMES } from "./input.mjs";
import { measure } from "./measure.mjs";
import { sizes } from "./sizes.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, "../test/node_modules");
const isQuick = process.argv.includes("--quick");
const isNode = process.argv.includes("--node");
const count = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? (isQuick ? 500 : 50_000));
const how = { names: NAMES, count, rounds: isQuick ? 1 : 7, turns: isQuick ? 3 : 300, manyStreams: isQuick ? 20 : 10_000 };

/** What is measured, by the name under which `measure` takes it: its module, and its name there. */
const PEERS = {
  OpenAI: ["openai/index.mjs", "default"],
  createParser: ["eventsource-parser/dist/index.js", "createParser"],
  streamText: ["ai/dist/index.js", "streamText"],
  createOpenAICompatible: ["@ai-sdk/openai-compatible/dist/index.js", "createOpenAICompatible"],
};

await main();

async function main() {
  const server = fork(path.join(here, "input.mjs"), { env: { ...process.env, BENCH_SERVER: String(count) } });
  const [port] = await once(server, "message");
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-bench-"));
  try {
    await sizes();
    const [cpu] = os.cpus();
    console.log(`\n${os.cpus().length} cores, ${cpu.model}; ${count} chunks, ns per chunk, best and median of ${how.rounds}; the rest in ms`);
    await inNode(url);
    if (!isNode) await inChromium(url, folder);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inNode(url) {
  const began = performance.now();
  const { Tabby } = await import("../dist/node.js");
  await new Tabby({ baseURL: url }).models.list();
  const first = performance.now() - began;
  const { ready } = await import("../dist/load.js");
  const libraries = { Tabby, ready };
  for (const [name, [file, exported]] of Object.entries(PEERS)) libraries[name] = (await import(path.join(modules, file)))[exported];
  v8.setFlagsFromString("--expose-gc");
  globalThis.gc = vm.runInNewContext("gc");
  const heap = () => process.memoryUsage().heapUsed;
  report(`Node ${process.version}`, first, await measure(libraries, { ...how, url, heap }));
}

async function inChromium(url, folder) {
  const { build } = await import(path.join(modules, "esbuild/lib/main.js")).then((module) => module.default ?? module);
  const { chromium } = await import(path.join(modules, "playwright-core/index.mjs"));
  const entry = path.join(folder, "main.js");
  const from = (file) => JSON.stringify(path.join(here, file));
  writeFileSync(entry, `
    import { Tabby } from ${from("../dist/inline.js")};
    import { ready } from ${from("../dist/load.js")};
    import { measure } from ${from("measure.mjs")};
    ${Object.entries(PEERS).map(([name, [file, exported]]) => `import { ${exported} as ${name} } from ${JSON.stringify(path.join(modules, file))};`).join("\n")}
    const heap = () => performance.memory.usedJSHeapSize;
    const libraries = { Tabby, ready, ${Object.keys(PEERS)} };
    measure(libraries, { ...${JSON.stringify({ ...how, url })}, heap }).then((measured) => (globalThis.measured = measured), (error) => (globalThis.measured = { error: String(error.stack) }));`);
  // The time to the first answer is that of the entry which fetches its module, from its files.
  writeFileSync(path.join(folder, "first.html"), `<!doctype html><script type="module">
    const began = performance.now();
    const { Tabby } = await import("/dist/web.js");
    await new Tabby({ baseURL: ${JSON.stringify(url)} }).models.list();
    globalThis.first = performance.now() - began;
  </script>`);
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "esm", write: false, platform: "browser" });
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc", "--enable-precise-memory-info"] });
  try {
    const page = await browser.newPage();
    await page.route(`${url}/bench/`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.route(`${url}/bench/main.js`, (route) => route.fulfill({ contentType: "text/javascript", body: Buffer.from(outputFiles[0].contents) }));
    const types = { ".js": "text/javascript", ".wasm": "application/wasm" };
    await page.route(`${url}/dist/**`, (route) => {
      const file = path.join(here, "..", new URL(route.request().url()).pathname);
      return route.fulfill({ contentType: types[path.extname(file)], body: readFileSync(file) });
    });
    await page.route(`${url}/first`, (route) => route.fulfill({ contentType: "text/html", body: readFileSync(path.join(folder, "first.html"), "utf8") }));
    await page.goto(`${url}/first`);
    await page.waitForFunction(() => globalThis.first);
    const first = await page.evaluate(() => globalThis.first);
    // Requests that pass through the interception of a page are slower.
    await page.goto(`${url}/bench/`);
    await page.addScriptTag({ type: "module", url: `${url}/bench/main.js` });
    await page.unrouteAll();
    await page.waitForFunction(() => globalThis.measured, undefined, { timeout: 1_800_000 });
    const measured = await page.evaluate(() => globalThis.measured);
    if (measured.error) throw new Error(measured.error);
    report(`Chromium ${browser.version().split(".")[0]}`, first, measured);
  } finally {
    await browser.close();
  }
}

function report(host, first, { streams, token, memory }) {
  const best = (list) => Math.min(...list);
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  console.log(`${host}\n  from import to the first answer ${first.toFixed(1)}`);
  for (const [stream, rows] of Object.entries(streams)) {
    console.log(`  ${stream}`);
    for (const [name, { wall, cpu }] of Object.entries(rows)) {
      const show = (list) => [best(list), median(list)].map((ns) => ns.toFixed(0).padStart(9)).join("");
      const ratio = (list, of) => `${(median(list) / median(of)).toFixed(2).padStart(7)} times`;
      const shown = { wall, CPU: cpu };
      const cells = Object.entries(shown).filter(([, list]) => list.length > 0);
      console.log(`    ${name.padEnd(20)} ${cells.map(([kind, list]) => `${kind} ${show(list)} ${ratio(list, rows.tabbyapi[kind === "CPU" ? "cpu" : "wall"])}`).join("   ")}`);
    }
  }
  const [bare, ours] = [median(token.bare), median(token.ours)];
  console.log(`  the first token: bare fetch ${bare.toFixed(2)}, tabbyapi ${ours.toFixed(2)}, added ${(ours - bare).toFixed(2)} (medians)`);
  const { streams: number, module, heap } = memory;
  console.log(`  memory over ${number} streams: module ${module.join(" -> ")} bytes, heap ${heap.map((bytes) => (bytes / 1e6).toFixed(2)).join(" -> ")} MB`);
}
