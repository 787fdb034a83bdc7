// The module out of its own text, for where its file cannot be read.

import { unavailable } from "./host.js";
import { FILE } from "./load.js";
import { wordsOf } from "./secrets.js";

export async function inlined() {
  try {
    return bytesOf((await import("./module.js")).default);
  } catch (cause) {
    // Service workers allow no `import()`, for example.
    throw unavailable(`neither its file nor its text could be read (${wordsOf(cause)})`, FILE, cause);
  }
}

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
