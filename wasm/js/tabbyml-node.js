// For Node and Bun: the module lies beside this file. Where a bundler has left it behind, the module comes out of its own text.
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
    // Bundlers also put something else in the place of the file's address.
  }
  return inlined();
});

export * from "./tabbyml.js";
