// Loads the inlined module, for hosts where its file cannot be read.

import { unavailable } from "./host.js";
import { FILE } from "./load.js";
import { wordsOf } from "./secrets.js";

export const inlined = () => textOf(import("./module.js"), FILE);

/** The bytes of a module from the file with its text. */
export async function textOf(file, hint) {
  try {
    return bytesOf((await file).default);
  } catch (cause) {
    // For example, service workers do not allow `import()`.
    throw unavailable(`neither its file nor the inlined module could be read (${wordsOf(cause)})`, hint, cause);
  }
}

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
