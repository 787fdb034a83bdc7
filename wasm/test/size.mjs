// Prints the size of each entry point, and fails above a limit.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), "../dist");

/** The limit in bytes, gzipped: the module and the glue of an entry point, bundled and minified. ../SIZE.md explains the size. */
const MOST = 192 * 1024;

const ENTRIES = ["schema", "tools", "openai", "ai-sdk", "batch", "estimate"];

const bundle = async (entry) => {
  const { outputFiles } = await build({ entryPoints: [path.join(dist, entry)], bundle: true, minify: true, format: "esm", target: "es2022", platform: "neutral", external: ["*.wasm", "node:*", "tabbyapi", ...(entry === "inline.js" ? [] : ["./module.js", "./tabbyml-module.js"])], write: false });
  return outputFiles[0].contents;
};
const weigh = (what, bytes) => {
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  const row = [what.padEnd(28), bytes.length, gzipped, brotliCompressSync(bytes).length].map((cell) => String(cell).padStart(9));
  console.log(row.join(" "));
  return gzipped;
};

console.log(`${"".padEnd(28)}     bytes   gzipped    brotli`);
const module = weigh("tabbyapi.wasm", readFileSync(path.join(dist, "tabbyapi.wasm")));
const glue = Math.max(...[weigh("glue of web.js", await bundle("web.js")), weigh("glue of node.js", await bundle("node.js")), weigh("glue of workerd.js", await bundle("workerd.js"))]);
weigh("inline.js, all in one", await bundle("inline.js"));
// The other entry points, without the client.
for (const name of ENTRIES) weigh(`${name}.js`, await bundle(`${name}.js`));
const other = weigh("tabbyml.wasm", readFileSync(path.join(dist, "tabbyml.wasm"))) + weigh("glue of tabbyml-node.js", await bundle("tabbyml-node.js"));
console.log(`the module for TabbyML/tabby and its glue: ${other} bytes gzipped`);
const entry = module + glue;
console.log(`the module and the largest glue: ${entry} bytes gzipped (at most ${MOST})`);
process.exit(entry <= MOST ? 0 : 1);
