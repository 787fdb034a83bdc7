// What bundlers leave out: tree shaking keeps the files that do something by being loaded, which package.json lists as `sideEffects`.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import { json, server } from "./support.mjs";

const wasm = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

/** A program that uses the package, bundled for a host; the files of the package in it, and the folder where it lies. */
async function bundled(t, program, options) {
  const made = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-bundles-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  mkdirSync(path.join(made, "node_modules"));
  symlinkSync(wasm, path.join(made, "node_modules/tabbyapi"));
  writeFileSync(path.join(made, "main.mjs"), program);
  const { metafile } = await esbuild.build({
    ...{ entryPoints: ["main.mjs"], absWorkingDir: made, outfile: "out/main.mjs", bundle: true, minify: true, treeShaking: true },
    ...{ format: "esm", target: "es2022", metafile: true, ...options },
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const kept = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => path.basename(file));
  copyFileSync(path.join(wasm, "dist/tabbyapi.wasm"), path.join(made, "out/tabbyapi.wasm"));
  return { kept, main: path.join(made, "out/main.mjs") };
}

test("connections that answered with a 5xx are closed in a bundle for Node, too", async (t) => {
  const ports = [];
  const { url } = await server(t, (request, response, count) => {
    ports.push(request.socket.remotePort);
    return count === 1 ? json(response, 500, { detail: "no" }) : json(response, 200, { object: "list", data: [] });
  });
  const program = `import { Tabby } from "tabbyapi";
    const tabby = new Tabby({ baseURL: ${JSON.stringify(url)}, maxRetries: 0 });
    await tabby.models.list().then(() => process.exit(1), ({ status }) => console.log(status));
    await tabby.models.list();
    await tabby.models.list();`;
  const { kept, main } = await bundled(t, program, { platform: "node" });
  assert.ok(kept.includes("connections.js"), kept.join());
  const { stdout } = await promisify(execFile)(process.execPath, [main]);
  assert.equal(stdout.trim(), "500");
  assert.equal(ports.length, 3);
  assert.notEqual(ports[0], ports[1]);
});

test("what is loaded for its effects is kept although nothing is taken from it, and the rest is left out", async (t) => {
  const unused = 'import { TabbyError } from "tabbyapi"; console.log(TabbyError.name);';
  for (const [platform, own] of [["node", ["node.js", "connections.js"]], ["browser", ["browser.js"]]]) {
    const { kept } = await bundled(t, unused, { platform });
    for (const file of own) assert.ok(kept.includes(file), `${platform}: ${file} of ${kept}`);
  }
  const { kept } = await bundled(t, 'import "tabbyapi/inline";', { platform: "browser" });
  assert.ok(kept.includes("inline.js"), kept.join());
});

test("other entries are bundled with one client, and cost nothing where they are not imported", async (t) => {
  const { url } = await server(t, (request, response) => json(response, 200, { object: "list", data: [{ id: "a" }] }));
  const program = `import OpenAI, { TabbyError } from "tabbyapi/openai";
    import { createTabby } from "tabbyapi/ai-sdk";
    import { UnparsedError } from "tabbyapi/schema";
    const client = new OpenAI({ baseURL: ${JSON.stringify(url)}, apiKey: "k" });
    const [model] = (await client.models.list()).data;
    const { client: other } = createTabby({ client: client.tabby });
    console.log(model.id, other === client.tabby, UnparsedError.prototype instanceof TabbyError);`;
  const { kept, main } = await bundled(t, program, { platform: "node" });
  assert.equal(kept.filter((file) => file === "tabby.js").length, 1);
  const { stdout } = await promisify(execFile)(process.execPath, [main]);
  assert.equal(stdout.trim(), "a true true");
  const alone = await bundled(t, 'import { Tabby } from "tabbyapi"; console.log(Tabby);', { platform: "browser" });
  assert.deepEqual(alone.kept.filter((file) => /^(openai|ai-sdk|schema|tools?|batch|estimate|textparts|json|check|standard)/.test(file)), []);
});
