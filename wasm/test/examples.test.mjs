// The examples for Node, as their users run them, against the emulated server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { API_KEY, emulator } from "./support.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

/** A folder with an example, and all that it imports. */
function installed(t, name) {
  const made = mkdtempSync(path.join(os.tmpdir(), "tabbyapi-examples-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  cpSync(path.join(here, "../../examples", name), made, { recursive: true });
  const modules = path.join(made, "node_modules");
  mkdirSync(modules);
  for (const other of readdirSync(path.join(here, "node_modules"))) symlinkSync(path.join(here, "node_modules", other), path.join(modules, other));
  symlinkSync(path.join(here, ".."), path.join(modules, "tabbyapi"));
  return made;
}

/** Runs a program with this input, and gives what it printed. */
async function run(made, url, args, input = "", key = API_KEY) {
  const child = spawn(process.execPath, args, { cwd: made, env: { ...process.env, TABBY_URL: url, TABBY_API_KEY: key } });
  child.stdin.end(input);
  const [out, err] = await Promise.all([child.stdout, child.stderr].map(async (stream) => Buffer.concat(await stream.toArray()).toString()));
  const code = child.exitCode ?? (await new Promise((resolve) => child.on("exit", resolve)));
  return { out, err, code };
}

test("a chat in the terminal", async (t) => {
  const { url } = await emulator(t);
  const made = installed(t, "node-cli");
  assert.deepEqual(await run(made, url, ["chat.mjs"], "hi there\nand again\n"), { out: "Echo: hi there\nEcho: and again\n", err: "", code: 0 });
  const refused = await run(made, url, ["chat.mjs"], "hi\n", "wrong-key");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^error: .*Invalid API key/);
});

test("an agent of the AI SDK", async (t) => {
  const { url } = await emulator(t);
  const { out, code, err } = await run(installed(t, "ai-sdk-agent"), url, ["agent.mjs", "Call get_weather for Oslo"]);
  assert.equal(code, 0, err);
  const [called, output] = out.trim().split("\n");
  assert.match(called, /^get_weather \{"city":".*","celsius":4,"sky":"rain"\}$/);
  assert.deepEqual(Object.keys(JSON.parse(output)), ["umbrella", "why"]);
});
