// For bundlers: as in web.js, and if the bundler did not bring the file along, the module comes out of its own text.
import { inlined } from "./inlined.js";
import { isModule, setLoader } from "./load.js";

setLoader(async () => {
  try {
    const response = await fetch(new URL("./tabbyapi.wasm", import.meta.url));
    const bytes = await response.arrayBuffer();
    if (response.ok && isModule(bytes)) return bytes;
  } catch {
    // No such file, and no server to say so.
  }
  return inlined();
});

export * from "./tabby.js";
