// Builds the npm package: node build.mjs [--no-cargo | --glue]
//
// cargo builds the module, wasm-opt optimizes it, and the files of js/ and types/ are copied next to it in dist/. esbuild converts them for
// `require`. `WASM_OPT` and `ESBUILD` set these tools if they are not in the path. --no-cargo uses the module that was built last, --glue
// the one in dist/.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const dist = path.join(here, "dist");
// A separate folder, since the compiler may differ from that of other builds.
const target = path.resolve(root, process.env.CARGO_TARGET_DIR ?? "target", "npm");
const run = (command, args, env) => execFileSync(command, args, { stdio: "inherit", cwd: root, env: { ...process.env, ...env } });
// The replacement for `import.meta.url` with `require`.
const ADDRESS = 'const address = require("node:url").pathToFileURL(__filename).href;';
const FLAGS = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/** The modules, by the features of the crate. The second one also supports TabbyML/tabby. */
const MODULES = [
  { name: "tabbyapi", text: "module", features: [] },
  { name: "tabbyml", text: "tabbyml-module", features: ["--features", "tabbyml"] },
];

const isGlue = process.argv.includes("--glue");
const kept = new Map(MODULES.map(({ name }) => [name, isGlue ? readFileSync(path.join(dist, `${name}.wasm`)) : undefined]));
const builtOf = (name) => path.join(target, `${name}.wasm`);

if (!isGlue && !process.argv.includes("--no-cargo")) {
  // The module does not depend on where it is built.
  const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
  const remaps = [`${path.join(cargoHome, "registry/src")}=/crates`, `${root}=/tabbyapi`].map((to) => `--remap-path-prefix=${to}`).join(" ");
  // Without wasm-bindgen: the module imports nothing, and its glue is js/abi.js.
  const how = ["--profile", "npm", "--target", "wasm32-unknown-unknown", "--target-dir", target];
  // The only crate type that is optimized as a whole.
  for (const { name, features } of MODULES) {
    run("cargo", ["rustc", "-p", "tabbyapi-js", "--no-default-features", ...features, "--lib", "--crate-type", "cdylib", ...how], {
      [FLAGS]: `${process.env[FLAGS] ?? ""} ${remaps}`.trim(),
    });
    // The next module has the same file name.
    cpSync(path.join(target, "wasm32-unknown-unknown/npm/tabbyapi_js.wasm"), builtOf(name));
  }
}
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);

// Features that all hosts of recent years support.
const features = ["bulk-memory", "sign-ext", "mutable-globals", "nontrapping-float-to-int", "multivalue", "reference-types"];
for (const { name } of MODULES) {
  const file = path.join(dist, `${name}.wasm`);
  if (isGlue) writeFileSync(file, kept.get(name));
  else optimize(builtOf(name), file);
}

function optimize(built, file) {
  run(process.env.WASM_OPT ?? "wasm-opt", [
    // Once more with loops rebuilt from plain jumps. Finally, similar functions next to each other, for gzip.
    ...["-Oz", "--flatten", "--rereloop", "-Oz", "--reorder-functions-by-name", "--converge"],
    // The stack ends there, so there is no data at such addresses.
    "--low-memory-unused",
    "--strip-producers",
    "--strip-target-features",
    ...features.map((feature) => `--enable-${feature}`),
    built,
    "-o",
    file,
  ]);
}

for (const folder of ["js", "types"]) {
  for (const file of readdirSync(path.join(here, folder))) cpSync(path.join(here, folder, file), path.join(dist, file));
}
for (const { name, text } of MODULES) {
  const base64 = readFileSync(path.join(dist, `${name}.wasm`)).toString("base64");
  writeFileSync(path.join(dist, `${text}.js`), `// ${name}.wasm in base64.\nexport default "${base64}";\n`);
  writeFileSync(path.join(dist, `${text}.cjs`), `// ${name}.wasm in base64.\nmodule.exports = "${base64}";\n`);
}
// For `require`, which cannot load ES modules. All entry points share the error class.
for (const entry of ["error", "node", "inline", "schema", "tools", "openai", "ai-sdk", "batch", "estimate", "tabbyml-node", "tabbyml-inline"]) {
  run(process.env.ESBUILD ?? "esbuild", [
    ...[path.join(dist, `${entry}.js`), `--outfile=${path.join(dist, `${entry}.cjs`)}`, "--bundle", "--format=cjs", "--platform=node", "--target=es2022"],
    ...(entry === "error" ? [] : ["--external:./error.js"]),
    "--external:tabbyapi",
    ...["--external:./module.js", "--external:./tabbyml-module.js", "--supported:dynamic-import=false", "--log-level=warning"],
    ...(entry.endsWith("node") ? ["--define:import.meta.url=address", `--banner:js=${ADDRESS}`] : []),
  ]);
  const file = path.join(dist, `${entry}.cjs`);
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/"\.\/((?:tabbyml-)?module|error)\.js"/g, '"./$1.cjs"'));
}
for (const file of readdirSync(path.join(here, "types"))) {
  const text = readFileSync(path.join(here, "types", file), "utf8");
  writeFileSync(path.join(dist, file.replace(".d.ts", ".d.cts")), text.replaceAll(/(from "\.\/\w+)\.js"/g, '$1.cjs"'));
}
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(path.join(root, name), path.join(here, name));

for (const { name } of MODULES) {
  const module = readFileSync(path.join(dist, `${name}.wasm`));
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(module));
  if (imports.length > 0) throw new Error(`${name}.wasm imports ${imports.map(({ name }) => name)}, and was to import nothing`);
  console.log(`${name}.wasm: ${module.length} bytes`);
}
