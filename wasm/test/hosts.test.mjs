// The package as it is packed and installed, in each host and through each bundler.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import * as vite from "vite";
import { files } from "./files.mjs";
import { DISCONNECT, SAID, SCRIPT, folder, inChromium, open, packed, project, slow, webpacked } from "./installed.mjs";
import { API_KEY, emulator } from "./support.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "../..");
const tool = (name) => path.join(here, "node_modules/.bin", name);

async function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", DENO_DIR: path.join(folder, "deno") } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (err += data));
  const [code] = await once(child, "close");
  assert.equal(code, 0, err);
  return out;
}

test("what is packed", () => {
  const names = packed().files.map(({ path }) => path).sort();
  const types = readdirSync(path.join(here, "../types"));
  const bundled = ["ai-sdk", "batch", "error", "estimate", "inline", "node", "openai", "schema", "tabbyml-inline", "tabbyml-node", "tools"];
  const common = [...bundled.map((name) => `${name}.cjs`), ...types.map((name) => name.replace(".d.ts", ".d.cts"))];
  const modules = ["tabbyapi.wasm", "module.js", "module.cjs", "tabbyml.wasm", "tabbyml-module.js", "tabbyml-module.cjs"];
  const dist = [...readdirSync(path.join(here, "../js")), ...types, ...common, ...modules];
  assert.deepEqual(names, ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json", ...dist.map((name) => `dist/${name}`)].sort());
});

test("the table of hosts has the versions that are installed", () => {
  const table = readFileSync(path.join(here, "../README.md"), "utf8").split("\n").filter((line) => /^\| [A-Z\w]+ \| [\d.]+/.test(line));
  const named = new Map(table.map((line) => line.split(" | ")).map(([host, versions]) => [host.slice(2).toLowerCase(), versions]));
  const locked = {};
  for (const file of ["package.json", "hosts/package.json"]) Object.assign(locked, JSON.parse(readFileSync(path.join(here, file), "utf8")).devDependencies);
  assert.equal(named.get("node"), `20.11.1, 20, ${["node-22", "node-24"].map((name) => locked[name].split("@").at(-1)).join(", ")}`);
  for (const [host, version] of named) if (host !== "node") assert.equal(version, locked[host], host);
  assert.ok(named.size > 8);
});

test("Node", { timeout: 30_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("node");
  for (const from of ["tabbyapi", "tabbyapi/inline"]) {
    writeFileSync(path.join(made, "main.js"), SCRIPT(server.url, from));
    assert.deepEqual(JSON.parse(await run(process.execPath, ["main.js"], made)), SAID);
  }
  await server.seen(DISCONNECT);
});

test("Deno, which may ask this one server and nothing else", { timeout: 180_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("deno");
  writeFileSync(path.join(made, "main.js"), SCRIPT(server.url));
  const args = ["run", "--no-remote", "--no-prompt", "--node-modules-dir=manual", `--allow-net=${new URL(server.url).host}`, "main.js"];
  assert.deepEqual(JSON.parse(await run(tool("deno"), args, made)), SAID);
  await server.seen(DISCONNECT);
});

test("workerd, through the example", { timeout: 180_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("worker");
  cpSync(path.join(root, "examples/worker"), made, { recursive: true });
  const bundled = { entryPoints: ["worker.js"], outfile: "worker.bundle.js", absWorkingDir: made, bundle: true, format: "esm" };
  await esbuild.build({ ...bundled, conditions: ["workerd"], external: ["*.wasm"] });
  cpSync(path.join(made, "node_modules/tabbyapi/dist/tabbyapi.wasm"), path.join(made, "tabbyapi.wasm"));
  // The package's own binary, for its launcher would outlive a signal.
  const binary = readdirSync(path.join(here, "node_modules/@cloudflare")).find((name) => name.startsWith("workerd-"));
  const env = { ...process.env, TABBY_URL: server.url, TABBY_KEY: API_KEY };
  const args = ["serve", "--control-fd=3", "config.capnp"];
  const child = spawn(path.join(here, "node_modules/@cloudflare", binary, "bin/workerd"), args, { cwd: made, env, stdio: ["ignore", "inherit", "inherit", "pipe"] });
  t.after(() => child.kill());
  const [message] = await once(child.stdio[3], "data");
  const url = `http://127.0.0.1:${JSON.parse(String(message).split("\n")[0]).port}/`;

  const ask = (content, init) => fetch(url, { method: "POST", body: JSON.stringify({ messages: [{ role: "user", content }] }), ...init });
  const both = await Promise.all([ask("in this host"), ask("at once")]);
  const [lines, other] = await Promise.all(both.map(async (response) => (await response.text()).trim().split("\n").map((line) => JSON.parse(line))));
  assert.equal(lines.map(({ text }) => text).join(""), "Echo: in this host");
  assert.equal(other.map(({ text }) => text).join(""), "Echo: at once");
  assert.ok(lines.length > 3);

  // The client goes away, and the worker with it.
  const controller = new AbortController();
  const long = await ask("words ".repeat(99), { signal: controller.signal });
  await long.body.getReader().read();
  controller.abort();
  await server.seen(DISCONNECT, 10_000);
});

test("a page without a bundler", { timeout: 180_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("page");
  const map = { imports: { tabbyapi: "./node_modules/tabbyapi/dist/web.js" } };
  const head = `<script type="importmap">${JSON.stringify(map)}</script><script type="module" src="main.js"></script>`;
  writeFileSync(path.join(made, "index.html"), `<!doctype html>${head}<body></body>`);
  writeFileSync(path.join(made, "main.js"), SCRIPT(server.url));
  assert.deepEqual(await inChromium(t, `${await files(t, made)}/`), SAID);
  await server.seen(DISCONNECT);
});

for (const [what, from, options] of [
  ["esbuild", "tabbyapi", {}],
  ["esbuild, with the module inlined", "tabbyapi/inline", {}],
  ["esbuild, split", "tabbyapi", { splitting: true }],
]) {
  test(what, { timeout: 180_000 }, async (t) => {
    const server = await emulator(t, ...slow);
    const made = project(what.replace(/\W+/g, "-"));
    writeFileSync(path.join(made, "main.js"), SCRIPT(server.url, from));
    writeFileSync(path.join(made, "index.html"), '<!doctype html><body></body><script type="module" src="out/main.js"></script>');
    await esbuild.build({ entryPoints: ["main.js"], absWorkingDir: made, outdir: "out", bundle: true, minify: true, format: "esm", target: "es2022", ...options });
    assert.deepEqual(await inChromium(t, `${await files(t, made)}/`), SAID);
    await server.seen(DISCONNECT);
  });
}

test("webpack", { timeout: 180_000 }, async (t) => {
  const server = await emulator(t, ...slow);
  const made = project("webpack");
  writeFileSync(path.join(made, "main.js"), SCRIPT(server.url));
  const out = await webpacked(made);
  writeFileSync(path.join(out, "index.html"), '<!doctype html><body></body><script type="module" src="main.js"></script>');
  assert.deepEqual(await inChromium(t, `${await files(t, out)}/`), SAID);
  await server.seen(DISCONNECT);
});

for (const mode of ["build", "dev"]) {
  test(`Vite ${mode}`, { timeout: 120_000 }, async (t) => {
    const server = await emulator(t, ...slow);
    const made = project(`vite-${mode}`);
    writeFileSync(path.join(made, "main.js"), SCRIPT(server.url));
    writeFileSync(path.join(made, "index.html"), '<!doctype html><body></body><script type="module" src="main.js"></script>');
    const config = { root: made, configFile: false, logLevel: "error", build: { target: "es2022" } };
    let url;
    if (mode === "build") {
      await vite.build(config);
      const emitted = readdirSync(path.join(made, "dist/assets"));
      assert.ok(emitted.some((name) => name.endsWith(".wasm")), `emitted: ${emitted}`);
      url = await files(t, path.join(made, "dist"));
    } else {
      // Which the build has set.
      delete process.env.NODE_ENV;
      const dev = await vite.createServer({ ...config, server: { host: "127.0.0.1", port: 0 } });
      await dev.listen();
      t.after(() => dev.close());
      url = `http://127.0.0.1:${dev.httpServer.address().port}`;
    }
    // A file that is not there is not asked for either.
    const odd = [];
    const { page } = await open(t, "about:blank");
    page.on("response", (response) => {
      const isPage = response.url().endsWith(".wasm") && !response.headers()["content-type"]?.startsWith("application/wasm");
      if (response.url().startsWith(url) && (response.status() >= 400 || isPage)) odd.push(response.url());
    });
    await page.goto(`${url}/`);
    await page.waitForFunction(() => document.body.textContent.trim().startsWith("{"));
    assert.deepEqual(JSON.parse(await page.textContent("body")), SAID);
    assert.deepEqual(odd.filter((address) => !address.endsWith("/favicon.ico")), []);
    await server.seen(DISCONNECT);
  });
}

test("the types, through the package's exports", { timeout: 180_000 }, async () => {
  const made = project("types");
  const config = JSON.parse(readFileSync(path.join(here, "types/tsconfig.json"), "utf8"));
  for (const name of config.files) cpSync(path.join(here, "types", name), path.join(made, name));
  delete config.compilerOptions.paths;
  writeFileSync(path.join(made, "tsconfig.json"), JSON.stringify(config));
  for (const [module, moduleResolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    await run(tool("tsc"), ["-p", ".", "--module", module, "--moduleResolution", moduleResolution], made);
  }
});
