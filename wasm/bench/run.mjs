// Numbers of the package in one run: node bench/run.mjs [COUNT]
//
// Sizes; the time from `import` to the first answer; the time that the package adds to the first token; chunks per second on the same
// bytes by draining them, by fetch with JSON.parse, by this package, by npm openai; memory over 10,000 streams. In Node and in
// Chromium. A server of its own sends the bytes over loopback. Needs the built package and test/node_modules.
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";

const here = path.dirname(fileURLToPath(import.meta.url));
const count = Number(process.argv[2] ?? 200_000);
const ROUNDS = 5;

/** Chunks of a conversation as TabbyAPI writes them, in pieces of about 60 KB, for that is how a fast server's arrive. */
function pieces(count) {
  const list = [];
  let text = "";
  for (let at = 0; at < count; at++) {
    text += `data: {"id": "chatcmpl-910a2dec89025cc1c1b4bb728dd96dc3", "object": "chat.completion.chunk", "created": 1795404276, "choices": [{"index": 0, "delta": {"content": "tok${at % 1000} "}, "finish_reason": null}], "model": "alpha-7B-exl3"}\r\n\r\n`;
    if (text.length > 60_000 || at === count - 1) {
      list.push(Buffer.from(text));
      text = "";
    }
  }
  return [...list, Buffer.from("data: [DONE]\r\n\r\n")];
}

if (process.env.BENCH_SERVER) {
  const [long, short] = [pieces(count), pieces(20)];
  const server = http.createServer((request, response) => {
    request.resume();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    if (request.method === "GET") return response.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8" });
    const parts = request.url.startsWith("/short") ? short : long;
    let at = 0;
    const go = () => {
      while (at < parts.length) if (!response.write(parts[at++])) return response.once("drain", go);
      response.end();
    };
    go();
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
} else {
  await main();
}

async function main() {
  const server = fork(fileURLToPath(import.meta.url), [String(count)], { env: { ...process.env, BENCH_SERVER: "1" } });
  const [port] = await once(server, "message");
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-bench-"));
  try {
    console.log(execFileSync(process.execPath, [path.join(here, "../test/size.mjs")], { encoding: "utf8" }));
    console.log(`${count} chunks, ns per chunk, best and median of ${ROUNDS}; the rest in ms`);
    await inNode(url);
    await inChromium(url, folder);
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
  const { default: OpenAI } = await import("../test/node_modules/openai/index.mjs");
  v8.setFlagsFromString("--expose-gc");
  globalThis.gc = vm.runInNewContext("gc");
  const heap = () => process.memoryUsage().heapUsed;
  report(`Node ${process.version}`, first, await measure({ url, Tabby, OpenAI, ready, heap, rounds: ROUNDS, count }));
}

async function inChromium(url, folder) {
  const { build } = await import("../test/node_modules/esbuild/lib/main.js").then((module) => module.default ?? module);
  const { chromium } = await import("../test/node_modules/playwright-core/index.mjs");
  const entry = path.join(folder, "main.js");
  writeFileSync(entry, `
    import { Tabby } from ${JSON.stringify(path.join(here, "../dist/inline.js"))};
    import { ready } from ${JSON.stringify(path.join(here, "../dist/load.js"))};
    import OpenAI from ${JSON.stringify(path.join(here, "../test/node_modules/openai/index.mjs"))};
    const heap = () => performance.memory.usedJSHeapSize;
    globalThis.measured = (${measure})({ url: ${JSON.stringify(url)}, Tabby, OpenAI, ready, heap, rounds: ${ROUNDS}, count: ${count} });`);
  // The time to the first answer is that of the entry which fetches its module, from its files.
  writeFileSync(path.join(folder, "first.html"), `<!doctype html><script type="module">
    const began = performance.now();
    const { Tabby } = await import("/dist/web.js");
    await new Tabby({ baseURL: ${JSON.stringify(url)} }).models.list();
    globalThis.first = performance.now() - began;
  </script>`);
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: "esm", write: false });
  const browser = await chromium.launch({ executablePath: process.env.CHROME ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc", "--enable-precise-memory-info"] });
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
  await page.goto(`${url}/bench/`);
  await page.addScriptTag({ type: "module", url: `${url}/bench/main.js` });
  await page.waitForFunction(() => globalThis.measured, undefined, { timeout: 600_000 });
  report(`Chromium ${browser.version().split(".")[0]}`, first, await page.evaluate(() => globalThis.measured));
  await browser.close();
}

function report(host, first, { rows, token, memory }) {
  const best = (list) => Math.min(...list);
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  console.log(`${host}\n  from import to the first answer ${first.toFixed(1)}`);
  for (const [name, { wall, cpu }] of Object.entries(rows)) {
    const show = (list) => [best(list), median(list)].map((ns) => ns.toFixed(0).padStart(7)).join("");
    const ratio = (best(wall) / best(rows.tabbyapi.wall)).toFixed(2).padStart(6);
    console.log(`  ${name.padEnd(20)} wall ${show(wall)}${cpu.length ? `   CPU ${show(cpu)}` : ""}   ${ratio} of tabbyapi`);
  }
  const [bare, ours] = [median(token.bare), median(token.ours)];
  console.log(`  the first token: bare fetch ${bare.toFixed(2)}, tabbyapi ${ours.toFixed(2)}, added ${(ours - bare).toFixed(2)} (medians)`);
  const { streams, module, heap } = memory;
  console.log(`  memory over ${streams} streams: module ${module.join(" -> ")} bytes, heap ${heap.map((bytes) => (bytes / 1e6).toFixed(2)).join(" -> ")} MB`);
}

/** Runs in both hosts, so it names nothing from outside. */
async function measure({ url, Tabby, OpenAI, ready, heap, rounds, count }) {
  const post = { method: "POST", body: "{}" };
  const request = { model: "m", messages: [{ role: "user", content: "x" }] };
  const tabby = new Tabby({ baseURL: url });
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "x", dangerouslyAllowBrowser: true });
  const ways = {
    async drain() {
      const reader = (await fetch(`${url}/v1/chat/completions`, post)).body.getReader();
      for (;;) if ((await reader.read()).done) return 0;
    },
    async "fetch + JSON.parse"() {
      const reader = (await fetch(`${url}/v1/chat/completions`, post)).body.getReader();
      const decoder = new TextDecoder();
      let [text, length] = ["", 0];
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return length;
        text += decoder.decode(value, { stream: true });
        let at = 0;
        for (let end; (end = text.indexOf("\r\n\r\n", at)) >= 0; at = end + 4) {
          const data = text.slice(at + 6, end);
          if (data !== "[DONE]") length += JSON.parse(data).choices[0].delta.content.length;
        }
        text = text.slice(at);
      }
    },
    async tabbyapi() {
      let length = 0;
      for await (const chunk of tabby.chat.stream(request)) length += chunk.choices[0].delta.content.length;
      return length;
    },
    async "npm openai"() {
      let length = 0;
      for await (const chunk of await openai.chat.completions.create({ ...request, stream: true })) length += chunk.choices[0].delta.content.length;
      return length;
    },
  };
  const rows = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      // What takes minutes is measured once.
      if (rows[name]?.wall.some((ns) => ns * count > 30e9)) continue;
      const cpu = globalThis.process?.cpuUsage?.();
      const began = performance.now();
      const length = await way();
      const wall = performance.now() - began;
      if (name !== "drain" && length < 1000) throw new Error(`${name} read ${length} characters`);
      const row = (rows[name] ??= { wall: [], cpu: [] });
      row.wall.push((wall * 1e6) / count);
      if (cpu) {
        const { user, system } = process.cpuUsage(cpu);
        row.cpu.push(((user + system) * 1e3) / count);
      }
    }
  }
  
  // Short streams, by turns: from the call to the first item that is read.
  const short = new Tabby({ baseURL: `${url}/short` });
  const token = { bare: [], ours: [] };
  for (let round = 0; round < 300; round++) {
    let began = performance.now();
    const reader = (await fetch(`${url}/short/v1/chat/completions`, { ...post, body: JSON.stringify({ ...request, stream: true }) })).body.getReader();
    JSON.parse(new TextDecoder().decode((await reader.read()).value).split("\r\n")[0].slice(6));
    token.bare.push(performance.now() - began);
    while (!(await reader.read()).done);
    began = performance.now();
    let items = 0;
    for await (const _ of short.chat.stream(request)) if (items++ === 0) token.ours.push(performance.now() - began);
  }

  const memory = { streams: 10_000, module: [], heap: [] };
  const look = async () => {
    // What was forgotten is collected in turns.
    for (let turn = 0; turn < 5; turn++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    memory.module.push((await ready()).memoryBytes);
    memory.heap.push(heap());
  };
  const streams = async (number) => {
    for (let at = 0; at < number; at++) await short.chat.stream(request).finalMessage();
  };
  await streams(500);
  await look();
  await streams(memory.streams);
  await look();
  return { rows, token, memory };
}
