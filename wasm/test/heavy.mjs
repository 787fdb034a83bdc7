// Hosts and bundlers that are large or many: they lie in a folder outside of the tree, which hosts/node_modules links to.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { folder, packed } from "./installed.mjs";
import { sleep } from "./support.mjs";

const modules = realpathSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "hosts/node_modules"));

export const tool = (name) => path.join(modules, ".bin", name);
/** A Node of another version. */
export const node = (name) => path.join(modules, name, "bin/node");

/** Beside the modules, so that what is not the package is found there. */
const projects = mkdtempSync(path.join(path.dirname(modules), "projects-"));
after(() => rmSync(projects, { recursive: true, force: true }));

/** The tarball of the package. */
export const tarball = () => path.join(folder, packed().filename);

/** A project with the package installed from its tarball, and these files. */
export function project(name, files, type = "module") {
  const made = path.join(projects, name.replace(/\W+/g, "-"));
  const installed = path.join(made, "node_modules/tabbyapi");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball(), "-C", installed, "--strip-components=1"]);
  for (const [file, text] of Object.entries({ "package.json": JSON.stringify({ private: true, type }), ...files })) {
    mkdirSync(path.dirname(path.join(made, file)), { recursive: true });
    writeFileSync(path.join(made, file), text);
  }
  return made;
}

/** Runs a program to its end, and gives what it printed. */
export function run(command, args, cwd, env) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 26 }, (error, out, err) => {
      if (error) reject(new Error(`${command} ${args.join(" ")}: ${error.code}\n${out}\n${err}`));
      else resolve(out);
    });
  });
}

/** What a program says in its last line. */
export const said = async (...args) => JSON.parse((await run(...args)).trim().split("\n").at(-1));

/** Starts a server and waits until it answers. */
export async function serve(t, command, args, cwd, url, env) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill());
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (log += data));
  for (let tries = 0; tries < 300; tries++) {
    assert.equal(child.exitCode, null, log);
    if (await fetch(url).then(() => true, () => false)) return () => log;
    await sleep(100);
  }
  throw new Error(`no answer from ${url}\n${log}`);
}
