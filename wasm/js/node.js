// For Node and Bun: the module is next to this file. If a bundler did not include it, the inlined module is loaded.
import { readFile } from "node:fs/promises";
import "./connections.js";
import { inlined } from "./inlined.js";
import { isModule, setLoader } from "./load.js";
import "./proxies.js";

setLoader(async () => {
  try {
    const bytes = await readFile(new URL("./tabbyapi.wasm", import.meta.url));
    if (isModule(bytes)) return bytes;
  } catch {
    // Bundlers may replace the address of the file.
  }
  return inlined();
});

export * from "./tabby.js";
