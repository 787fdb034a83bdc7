// The package as it is packed and installed: in Nodes of several versions and in Bun, through bundlers for Node, in Parcel, Jest, Vitest and Next;
// what checkers of packages say of it; what goes wrong in each host.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import test from "node:test";
import * as esbuild from "esbuild";
import * as vite from "vite";
import { files } from "./files.mjs";
import { node, project, run, said, serve, tarball, tool } from "./heavy.mjs";
import { SAID, SAYS, SCRIPT, inChromium, open, slow } from "./installed.mjs";
import { emulator } from "./support.mjs";

const required = (text) => text.replace(/^import (.*) from "(.*)";$/m, 'const $1 = require("$2");').replace(/^const said = [^]*/m, "says().then((said) => console.log(JSON.stringify(said)));");

test("what checkers of packages say", { timeout: 120_000 }, async () => {
  assert.match(await run(tool("publint"), ["--strict", tarball()]), /All good!/);
  await run(tool("attw"), [tarball(), "--no-emoji", "--no-color"]);
});

test("Node 20.11, 22 and 24, by import and by require", { timeout: 120_000 }, async (t) => {
  const { url } = await emulator(t, ...slow);
  const made = project("nodes", { "main.mjs": SCRIPT(url), "main.cjs": required(SCRIPT(url)), "inline.cjs": required(SCRIPT(url, "tabbyapi/inline")) });
  for (const name of ["node-20-11", "node-22", "node-24"]) {
    for (const file of ["main.mjs", "main.cjs", "inline.cjs"]) assert.deepEqual(await said(node(name), [file], made), SAID, `${name} ${file}`);
  }
  // Without its file, as where a tool has left it out.
  rmSync(path.join(made, "node_modules/tabbyapi/dist/tabbyapi.wasm"));
  for (const file of ["main.mjs", "main.cjs"]) assert.deepEqual(await said(process.execPath, [file], made), SAID);
});

const FOR_NODE = {
  "esbuild": async (made) => {
    await esbuild.build({ entryPoints: ["main.js"], absWorkingDir: made, outfile: "out/main.mjs", bundle: true, platform: "node", format: "esm" });
    return [process.execPath, ["out/main.mjs"]];
  },
  "esbuild to CommonJS": async (made) => {
    const built = { entryPoints: ["run.js"], absWorkingDir: made, outfile: "out/main.cjs", bundle: true, platform: "node", format: "cjs", logLevel: "error" };
    await esbuild.build(built);
    return [process.execPath, ["out/main.cjs"]];
  },
  "rollup": async (made) => {
    const out = await run(tool("rollup"), ["-c", "rollup.config.mjs", "--failAfterWarnings"], made);
    assert.ok(!out.includes("(!)"), out);
    return [process.execPath, ["out/main.js"]];
  },
  "Vite for servers": async (made) => {
    const ssr = { noExternal: true, target: "node" };
    await vite.build({ root: made, configFile: false, logLevel: "error", ssr, build: { ssr: "main.js", outDir: "out", target: "es2022" } });
    return [process.execPath, ["out/main.js"]];
  },
  "bun build for Node": async (made) => {
    await run(tool("bun"), ["build", "main.js", "--target=node", "--outfile=out.mjs"], made);
    return [process.execPath, ["out.mjs"]];
  },
  "bun build --compile": async (made) => {
    await run(tool("bun"), ["build", "--compile", "main.js", "--outfile=app"], made);
    return ["./app", []];
  },
  "Bun": async () => [tool("bun"), ["main.js"]],
};

for (const [what, build] of Object.entries(FOR_NODE)) {
  test(what, { timeout: 120_000 }, async (t) => {
    const { url } = await emulator(t, ...slow);
    const config = `import resolve from "@rollup/plugin-node-resolve";
      export default { input: "main.js", plugins: [resolve({ exportConditions: ["node"], preferBuiltins: true })], external: [/^node:/], output: { dir: "out" } };`;
    const later = `${SAYS(url)}\nsays().then((said) => console.log(JSON.stringify(said)));`;
    const made = project(what, { "main.js": SCRIPT(url), "run.js": later, "rollup.config.mjs": config });
    const [command, args] = await build(made);
    // What is not in the bundle is not found beside it.
    if (what !== "Bun") rmSync(path.join(made, "node_modules"), { recursive: true });
    assert.deepEqual(await said(command, args, made), SAID);
  });
}

test("Parcel, and rollup to one script, in a page", { timeout: 120_000 }, async (t) => {
  const { url } = await emulator(t, ...slow);
  const page = (script) => `<!doctype html><body></body><script ${script}></script>`;
  const parcel = project("parcel", { "main.js": SCRIPT(url), "index.html": page('type="module" src="main.js"') });
  await run(tool("parcel"), ["build", "index.html", "--no-cache", "--dist-dir", "out"], parcel);
  assert.ok(readdirSync(path.join(parcel, "out")).some((name) => name.endsWith(".wasm")));
  assert.deepEqual(await inChromium(t, `${await files(t, path.join(parcel, "out"))}/`), SAID);
  const later = (from) => `${SAYS(url, from)}\nsays().then((said) => (document.body.textContent = JSON.stringify(said)));`;
  for (const [from, inlines] of [["tabbyapi/inline", false], ["tabbyapi", true]]) {
    const config = `import resolve from "@rollup/plugin-node-resolve";
      export default { input: "main.js", plugins: [resolve({ browser: true })], output: { file: "out/main.js", format: "iife", inlineDynamicImports: ${inlines} } };`;
    const made = project(`iife ${from}`, { "main.js": later(from), "rollup.config.mjs": config, "out/index.html": page('src="main.js"') });
    await run(tool("rollup"), ["-c", "rollup.config.mjs"], made);
    assert.deepEqual(await inChromium(t, `${await files(t, path.join(made, "out"))}/`), SAID);
  }
});

test("Jest, as Node and as a page", { timeout: 120_000 }, async (t) => {
  const { url } = await emulator(t, ...slow);
  const script = `${required(SAYS(url))}\ntest("says", async () => expect(await says()).toEqual(${JSON.stringify(SAID)}));`;
  const bare = `const { Tabby } = require("tabbyapi");
    test("says what is missing", () => expect(new Tabby({ baseURL: "${url}" }).models.list()).rejects.toThrow(/this host has no .Text(En|De)coder.*in Jest/));`;
  // jsdom leaves out what Node has.
  const environment = `const { TestEnvironment } = require("jest-environment-jsdom");
    module.exports = class extends TestEnvironment {
      constructor(...args) {
        super(...args);
        Object.assign(this.global, { TextEncoder, TextDecoder, fetch, Headers, Request, Response, ReadableStream, AbortController, AbortSignal });
      }
    };`;
  const made = project("jest", { "full.test.js": script, "bare.test.js": bare, "environment.js": environment, "jest.config.js": "module.exports = {};" }, "commonjs");
  await run(tool("jest"), ["--env=node", "full"], made);
  await run(tool("jest"), ["--env=./environment.js", "full"], made);
  await run(tool("jest"), ["--env=jsdom", "bare"], made);
});

test("Vitest, as Node and as a page, in each kind of pool, and with the package bundled", { timeout: 180_000 }, async (t) => {
  const { url } = await emulator(t, ...slow);
  const script = (from) => `import { expect, test } from "vitest";
${SAYS(url, from)}
test("says", async () => expect(await says()).toEqual(${JSON.stringify(SAID)}), 20_000);`;
  const made = project("vitest", { "full.test.js": script("tabbyapi"), "inline.test.js": script("tabbyapi/inline"), "vitest.config.mjs": "export default {};", "bundled.config.mjs": 'export default { test: { server: { deps: { inline: ["tabbyapi"] } } } };' });
  const tests = async (...args) => {
    // It needs Node 22.
    await run(node("node-22"), [tool("vitest"), "run", "--reporter=json", "--outputFile=out.json", ...args], made);
    const out = JSON.parse(readFileSync(path.join(made, "out.json"), "utf8"));
    assert.deepEqual([out.success, out.numPassedTests, out.numTotalTests], [true, 2, 2], args.join(" "));
  };
  await tests("--environment=node");
  await tests("--environment=jsdom");
  // Threads share a process, and those of `vm` have globals of their own.
  for (const pool of ["threads", "vmThreads"]) for (const environment of ["node", "jsdom"]) await tests(`--environment=${environment}`, `--pool=${pool}`);
  // Its files go through Vite then, as the program's do.
  await tests("--environment=node", "--config=bundled.config.mjs");
});

const NEXT = {
  "next.config.mjs": "export default { outputFileTracingRoot: ROOT, turbopack: { root: ROOT }, typescript: { ignoreBuildErrors: true } };",
  "app/layout.js": "export default function Layout({ children }) { return <html><body>{children}</body></html>; }",
  "app/page.js": 'import { answer } from "../answer.js"; export const dynamic = "force-dynamic"; export default async function Page() { return <p>{await answer()}</p>; }',
  "app/client/page.js": `"use client";
    import { useEffect, useState } from "react";
    import { answer } from "../../answer.js";
    export default function Page() { const [text, set] = useState(""); useEffect(() => { answer().then(set); }, []); return text; }`,
  "app/node/route.js": 'import { answer } from "../../answer.js"; export const dynamic = "force-dynamic"; export const GET = async () => new Response(await answer());',
};
const EDGE = 'import { answer } from "../../answer.js"; export const runtime = "edge"; export const GET = async () => new Response(await answer());';

// Next's own build fails on any route of the edge runtime with --webpack.
for (const [bundler, more] of [["--turbopack", { "app/edge/route.js": EDGE }], ["--webpack", {}]]) {
  test(`Next ${bundler}: components and routes of the server, its edge, and the page`, { timeout: 300_000 }, async (t) => {
    const { url } = await emulator(t, ...slow);
    const answer = `${SAYS(url)}\nexport const answer = () => says().then(JSON.stringify, (error) => String(error.stack));`;
    const made = project(`next ${bundler}`, { ...NEXT, ...more, "answer.js": answer });
    const root = path.dirname(path.dirname(made));
    project(`next ${bundler}`, { "next.config.mjs": NEXT["next.config.mjs"].replaceAll("ROOT", JSON.stringify(root)) });
    const env = { NEXT_TELEMETRY_DISABLED: "1" };
    const next = path.join(root, "node_modules/next/dist/bin/next");
    await run(process.execPath, [next, "build", bundler], made, env);
    const port = await freePort();
    const served = `http://127.0.0.1:${port}`;
    await serve(t, process.execPath, [next, "start", "-p", String(port)], made, `${served}/client`, env);
    for (const name of ["node", ...Object.keys(more).map(() => "edge")]) assert.deepEqual(await (await fetch(`${served}/${name}`)).json(), SAID, name);
    const component = await (await fetch(`${served}/`)).text();
    assert.ok(component.includes("Echo: in this host"), component);
    const { page } = await open(t, `${served}/client`);
    await page.getByText("Echo: in this host").waitFor();
  });
}

async function freePort() {
  const listening = net.createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address();
  listening.close();
  await once(listening, "close");
  return port;
}
