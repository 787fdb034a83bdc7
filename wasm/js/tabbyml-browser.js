// For pages and bundlers: the file, and if it was not brought along, the module out of its own text.
import { isModule } from "./load.js";
import { inlined } from "./tabbyml-inlined.js";
import { setLoader } from "./tabbyml-load.js";

setLoader(async () => {
  try {
    const response = await fetch(new URL("./tabbyml.wasm", import.meta.url));
    const bytes = await response.arrayBuffer();
    if (response.ok && isModule(bytes)) return bytes;
  } catch {
    // No such file, and no server to say so.
  }
  return inlined();
});

export * from "./tabbyml.js";
