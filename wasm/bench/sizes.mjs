// What the package weighs beside others, each bundled and minified for a page by the same bundler: node bench/sizes.mjs
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, "../test/node_modules");
const dist = path.join(here, "../dist");

/** What a program imports, and the files that it loads beside its bundle. */
const PROGRAMS = {
  "tabbyapi": [`export { Tabby } from "${dist}/web.js"`, ["tabbyapi.wasm"]],
  "tabbyapi, tabbyapi/openai": [`export { default } from "${dist}/openai.js"`, ["tabbyapi.wasm"]],
  "tabbyapi, tabbyapi/ai-sdk": [`export { createTabby } from "${dist}/ai-sdk.js"`, ["tabbyapi.wasm"]],
  "ai (`streamText`), tabbyapi, tabbyapi/ai-sdk": [`export { createTabby } from "${dist}/ai-sdk.js"; export { streamText } from "ai"`, ["tabbyapi.wasm"]],
  "npm openai": ['export { default } from "openai"', []],
  "ai (`streamText`), @ai-sdk/openai-compatible": ['export { streamText } from "ai"; export { createOpenAICompatible } from "@ai-sdk/openai-compatible"', []],
};

export async function sizes() {
  const { build } = await import(path.join(modules, "esbuild/lib/main.js")).then((module) => module.default ?? module);
  const version = (name) => JSON.parse(readFileSync(path.join(modules, name, "package.json"), "utf8")).version;
  console.log(`openai ${version("openai")}, ai ${version("ai")}, @ai-sdk/openai-compatible ${version("@ai-sdk/openai-compatible")}, eventsource-parser ${version("eventsource-parser")}`);
  console.log(`${"".padEnd(48)}     bytes   gzipped    brotli`);
  // The entry for pages, as their bundlers would take it.
  const alias = { tabbyapi: path.join(dist, "web.js") };
  for (const [name, [contents, files]] of Object.entries(PROGRAMS)) {
    const { outputFiles } = await build({
      ...{ stdin: { contents, resolveDir: path.dirname(modules) }, alias, bundle: true, minify: true, write: false, format: "esm" },
      ...{ target: "es2022", platform: "browser", external: ["node:*", "*.wasm"], logLevel: "error" },
    });
    const parts = [outputFiles[0].contents, ...files.map((file) => readFileSync(path.join(dist, file)))];
    const sum = (weigh) => parts.reduce((all, bytes) => all + weigh(bytes), 0);
    const cells = [sum((bytes) => bytes.length), sum((bytes) => gzipSync(bytes, { level: 9 }).length), sum((bytes) => brotliCompressSync(bytes).length)];
    console.log(`${name.padEnd(48)} ${cells.map((cell) => String(cell).padStart(9)).join(" ")}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await sizes();
