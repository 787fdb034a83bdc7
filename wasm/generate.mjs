// Writes the files that are generated from openapi.json: node generate.mjs [--check]
//
// types/wire.d.ts has the types of requests and responses and the signatures of the services, js/operations.js has their methods.
// --check writes nothing, and fails if one of them is stale.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { methodsOf, signaturesOf } from "./generate/operations.mjs";
import { wireTypes } from "./generate/wire-types.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const read = (file) => readFileSync(path.join(here, file), "utf8");

const files = {
  "types/wire.d.ts": wireTypes + signaturesOf(read("types/index.d.ts")),
  "js/operations.js": methodsOf(read("js/services.js")),
};
const stale = Object.keys(files).filter((file) => !existsSync(path.join(here, file)) || read(file) !== files[file]);
if (!process.argv.includes("--check")) for (const file of stale) writeFileSync(path.join(here, file), files[file]);
else if (stale.length > 0) throw new Error(`stale: ${stale.join(", ")}; node wasm/generate.mjs writes them`);
