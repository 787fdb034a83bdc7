// What goes wrong below HTTP, in each host: each has words of its own, and the errors are the same.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, cpSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { node, project, said, tool } from "./heavy.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

/** Servers of each kind of failure, by name. */
async function failing(t, made) {
  const files = ["key.pem", "cert.pem"].map((name) => path.join(made, name));
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", files[0], "-out", files[1], "-subj", "/CN=localhost", "-days", "2"], { stdio: "ignore" });
  const [key, cert] = files.map((file) => readFileSync(file));
  const listen = async (listening) => {
    listening.listen(0, "127.0.0.1");
    await once(listening, "listening");
    t.after(() => listening.close());
    return listening.address().port;
  };
  const closed = net.createServer();
  const refused = await listen(closed);
  closed.close();
  return {
    refused: `http://127.0.0.1:${refused}`,
    certificate: `https://localhost:${await listen(https.createServer({ key, cert }, (_, response) => response.end("{}")))}`,
    plain: `https://127.0.0.1:${await listen(http.createServer((_, response) => response.end("{}")))}`,
    unknown: "http://nowhere.invalid",
    lost: `http://127.0.0.1:${await listen(net.createServer((socket) => socket.once("data", () => socket.destroy()).on("error", () => {})))}`,
  };
}

/** A function `fails` that tells for each server the kind and code of the error, and how many requests were sent. */
const FAILS = `
import { Tabby, TabbyError } from "tabbyapi";
async function fails(urls) {
  const all = {};
  for (const [name, baseURL] of Object.entries(urls)) {
    let sent = 0;
    const tabby = new Tabby({ baseURL, maxRetries: 1, retry: { base: 1 }, onAttempt: () => sent++ });
    // A generation is sent again only if the server cannot have seen it.
    const error = await tabby.chat.create({ messages: [] }).catch((error) => error);
    all[name] = error instanceof TabbyError ? [error.kind, error.code, sent] : [String(error)];
    all[name + " words"] = error.message;
  }
  return all;
}
`;

const EXPECTED = {
  refused: ["connect", "connect", 2],
  certificate: ["connect", "certificate", 1],
  plain: ["connect", "connect", 2],
  unknown: ["connect", "connect", 2],
  lost: ["transport", "transport", 1],
};

const wordless = (all) => Object.fromEntries(Object.entries(all).filter(([name]) => !name.endsWith(" words")));
const deno = [path.join(here, "node_modules/.bin/deno"), "run", "-A", "--no-remote", "--no-prompt", "--node-modules-dir=manual"];
const HOSTS = { "Node 20": [process.execPath], "Node 22": [node("node-22")], "Node 24": [node("node-24")], Bun: [tool("bun")], Deno: deno };

test("connections that fail in Node, Bun and Deno", { timeout: 120_000 }, async (t) => {
  const made = project("failures", {});
  const urls = await failing(t, made);
  project("failures", { "main.js": `${FAILS}\nconsole.log(JSON.stringify(await fails(${JSON.stringify(urls)})));` });
  for (const [name, [command, ...args]] of Object.entries(HOSTS)) {
    const all = await said(command, [...args, "main.js"], made, { DENO_NO_UPDATE_CHECK: "1" });
    assert.deepEqual(wordless(all), EXPECTED, `${name}: ${JSON.stringify(all, null, 1)}`);
  }
});

test("a proxy that cannot be reached is named, without its password", { timeout: 120_000 }, async (t) => {
  const made = project("proxies", {});
  const { refused, lost } = await failing(t, made);
  const proxy = refused.replace("//", "//user:sesame@");
  project("proxies", { "main.js": `${FAILS}\nconsole.log(JSON.stringify(await fails(${JSON.stringify({ lost })})));` });
  for (const name of ["Node 24", "Bun", "Deno"]) {
    const [command, ...args] = HOSTS[name];
    const env = { DENO_NO_UPDATE_CHECK: "1", HTTP_PROXY: proxy, NODE_USE_ENV_PROXY: "1", NO_PROXY: "" };
    const all = await said(command, [...args, "main.js"], made, env);
    assert.deepEqual(all.lost, ["connect", "connect", 2], `${name}: ${all["lost words"]}`);
    assert.ok(all["lost words"].includes(`connecting through the proxy ${refused} (from HTTP_PROXY) failed`), `${name}: ${all["lost words"]}`);
    assert.ok(!all["lost words"].includes("sesame"));
    const direct = await said(command, [...args, "main.js"], made, { ...env, NO_PROXY: "localhost,127.0.0.1" });
    assert.deepEqual(direct.lost, ["transport", "transport", 1], `${name}: ${direct["lost words"]}`);
  }
});

test("connections that fail in workerd", { timeout: 60_000 }, async (t) => {
  const made = project("failures in workerd", {});
  const urls = await failing(t, made);
  const config = readFileSync(path.join(here, "../../examples/worker/config.capnp"), "utf8");
  project("failures in workerd", { "config.capnp": config, "main.js": `${FAILS}\nexport default { fetch: async () => Response.json(await fails(${JSON.stringify(urls)})) };` });
  await esbuild.build({ entryPoints: ["main.js"], absWorkingDir: made, outfile: path.join(made, "worker.bundle.js"), bundle: true, format: "esm", conditions: ["workerd"], external: ["*.wasm"] });
  cpSync(path.join(made, "node_modules/tabbyapi/dist/tabbyapi.wasm"), path.join(made, "tabbyapi.wasm"));
  const binary = readdirSync(path.join(here, "node_modules/@cloudflare")).find((name) => name.startsWith("workerd-"));
  const env = { ...process.env, TABBY_URL: "", TABBY_KEY: "" };
  const child = spawn(path.join(here, "node_modules/@cloudflare", binary, "bin/workerd"), ["serve", "--control-fd=3", "config.capnp"], { cwd: made, env, stdio: ["ignore", "ignore", "ignore", "pipe"] });
  t.after(() => child.kill());
  const [message] = await once(child.stdio[3], "data");
  const all = await (await fetch(`http://127.0.0.1:${JSON.parse(String(message).split("\n")[0]).port}/`)).json();
  // It says the same of all, so that the server may have seen any of them.
  const vague = Object.fromEntries(Object.keys(EXPECTED).map((name) => [name, EXPECTED.lost]));
  assert.deepEqual(wordless(all), vague, JSON.stringify(all, null, 1));
  for (const name of Object.keys(EXPECTED)) assert.match(all[`${name} words`], /the host reports no reason; no server may listen there, or the certificate may be invalid/);
});
