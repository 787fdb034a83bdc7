// For Node and Bun: the module is next to this file. If a bundler did not include it, the inlined module is loaded.
import { readFile } from "node:fs/promises";
import "./connections.js";
import { isModule } from "./load.js";
import "./proxies.js";
import { inlined } from "./tabbyml-inlined.js";
import { setLoader } from "./tabbyml-load.js";

setLoader(async () => {
  try {
    const bytes = await readFile(new URL("./tabbyml.wasm", import.meta.url));
    if (isModule(bytes)) return bytes;
  } catch {
    // Bundlers may replace the address of the file.
  }
  return inlined();
});

export * from "./tabbyml.js";
