// For bundlers: like web.js. If the bundler did not emit the file, the inlined module is loaded.
import { inlined } from "./inlined.js";
import { isModule, setLoader } from "./load.js";

setLoader(async () => {
  try {
    const response = await fetch(new URL("./tabbyapi.wasm", import.meta.url));
    const bytes = await response.arrayBuffer();
    if (response.ok && isModule(bytes)) return bytes;
  } catch {
    // The file does not exist, and no server reports it.
  }
  return inlined();
});

export * from "./tabby.js";
