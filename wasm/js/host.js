// Features of the host, looked up when they are needed: some hosts lack parts of the web, and their bundlers reject code that names these parts.

import { TabbyError } from "./error.js";

/** The host's `WebAssembly`, if it has one. */
export const wasm = () => globalThis.WebAssembly;

/** The clock of all calls, in milliseconds. */
export const clock = globalThis.performance ?? Date;

/** A class of the host, such as `Headers`. */
export function needed(name) {
  const found = globalThis[name];
  if (typeof found === "function") return found;
  const hint = "use a host that has it, or a polyfill; in Jest, `testEnvironment: \"node\"` or `jest-fixed-jsdom`";
  throw unavailable(`this host has no \`${name}\``, hint);
}

/** Reports exceptions of the caller's functions, which are not errors of a call. */
export const report = (error) => (globalThis.reportError ? globalThis.reportError(error) : console.error(error));

/** The error if the module cannot be loaded or used. */
export function unavailable(what, hint, cause) {
  const reason = `the WebAssembly module of tabbyapi cannot be used: ${what}`;
  return new TabbyError({ kind: "config", code: "module_unavailable", reason, hint, message: `${reason}; ${hint}` }, { cause });
}
