// For bundlers: as in web.js, and if the bundler did not bring the file along, the module comes out of its own text.
import { setLoader } from "./abi.js";
import { misuse } from "./error.js";

setLoader(async () => {
  try {
    const response = await fetch(new URL("./tabbyapi.wasm", import.meta.url));
    // Development servers answer with a page where they have no file.
    const bytes = response.ok ? await response.arrayBuffer() : new ArrayBuffer();
    if (WebAssembly.validate(bytes)) return bytes;
  } catch {
    // No such file, and no server to say so.
  }
  const { default: base64 } = await import("./module.js").catch((cause) => {
    // Service workers allow no `import()`.
    throw misuse(
      `the WebAssembly module could not be loaded (${cause?.message ?? cause}); have the bundler bring \`tabbyapi.wasm\` along, or import from "tabbyapi/inline"`,
      cause,
    );
  });
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
});

export * from "./tabby.js";
