// For pages and bundlers: loads the file, or the inlined module if the bundler did not emit it.
import { isModule } from "./load.js";
import { inlined } from "./tabbyml-inlined.js";
import { setLoader } from "./tabbyml-load.js";

setLoader(async () => {
  try {
    const response = await fetch(new URL("./tabbyml.wasm", import.meta.url));
    const bytes = await response.arrayBuffer();
    if (response.ok && isModule(bytes)) return bytes;
  } catch {
    // The file does not exist, and no server reports it.
  }
  return inlined();
});

export * from "./tabbyml.js";
