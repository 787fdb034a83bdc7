// Finds, compiles and starts the WebAssembly module. Whatever fails is a `module_unavailable` that names the remedy.

import { Abi, VERSION } from "./abi.js";
import { TabbyError, misuse } from "./error.js";
import { unavailable, wasm } from "./host.js";
import { wordsOf } from "./secrets.js";

/** An empty module: it shows whether the host compiles any. */
const EMPTY = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** What helps where the file of a module is missing. */
export const fileOf = (name, entry) => `have \`${name}\` served from where the package's files are, or import from "${entry}"`;
export const FILE = fileOf("tabbyapi.wasm", "tabbyapi/inline");
const POLICY =
  "allow it by `'wasm-unsafe-eval'` in `script-src` of the Content-Security-Policy of the page or extension; in workers of Cloudflare, import from \"tabbyapi/workerd\"";

/** Whether these bytes begin as a module does. Servers answer with a page where they have no file. */
export const isModule = (bytes) => {
  const view = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, Math.min(4, bytes.byteLength));
  return view.length === 4 && view.every((byte, at) => byte === EMPTY[at]);
};

/** What finds, compiles and starts one of the package's modules; `file` says what helps where its file is missing. */
export function loading(file) {
  let load = () => Promise.reject(misuse("no WebAssembly module was given; call `await init({ module })` first"));
  let compiled;
  let current;

  /** How this entry of the package finds the module. */
  function setLoader(loader) {
    load = loader;
  }

  /**
   * Loads the module. Calls do it by themselves; with `module`, that one is taken: bytes, a `Response`, a URL, or a compiled module.
   */
  async function init(options) {
    if (options?.module !== undefined) {
      const module = await compile(options.module, file);
      compiled = Promise.resolve(module);
      // Calls under way stay with the instance they have.
      current = undefined;
    }
    await ready();
  }

  /** A living instance. */
  function ready() {
    if (current !== undefined && !current.abi?.dead) return current.ready;
    const wanted = { abi: undefined };
    const source = compiled ?? load();
    if (isCompiled(source)) {
      // At once, since some hosts tie what is still under way to the request in which it began.
      wanted.abi = abiOf(instanceOf(source));
      wanted.ready = Promise.resolve(wanted.abi);
    } else {
      compiled ??= compile(source, file);
      const started = compiled.then((module) => wasm().instantiate(module)).then((instance) => (wanted.abi = abiOf(instance)));
      wanted.ready = started.catch((error) => {
        // The next call tries again: the network may be back.
        compiled = current = undefined;
        throw error instanceof TabbyError ? error : unstarted(error);
      });
    }
    current = wanted;
    return wanted.ready;
  }

  return { setLoader, init, ready };
}

export const { setLoader, init, ready } = loading(FILE);

function instanceOf(module) {
  try {
    return new (wasm().Instance)(module);
  } catch (error) {
    throw unstarted(error);
  }
}

/** A module of another version would take settings for others, and say so nowhere. */
function abiOf(instance) {
  if (instance.exports.version?.() === VERSION) return new Abi(instance);
  throw unavailable("it is of another version than the package", "serve or bundle the `tabbyapi.wasm` that came with this version of the package");
}

const unstarted = (error) => unavailable(`it does not start (${wordsOf(error)})`, "free memory in this process, or report it if there is plenty", error);

async function compile(given, file) {
  if (typeof wasm()?.compile !== "function") {
    throw unavailable("this host has no WebAssembly", "enable it: lockdown modes and some policies switch it off");
  }
  let source;
  try {
    source = await given;
    if (typeof source === "string" || isUrl(source)) source = await fetch(source);
  } catch (error) {
    if (error instanceof TabbyError) throw error;
    throw unavailable(`its file could not be read (${wordsOf(error)})`, file, error);
  }
  if (isCompiled(source)) return source;
  try {
    return await compiledOf(source, file);
  } catch (error) {
    if (error instanceof TabbyError) throw error;
    if (!compiles()) throw unavailable(`this host forbids to compile WebAssembly (${wordsOf(error)})`, POLICY, error);
    throw unavailable(`it could not be compiled (${wordsOf(error)})`, file, error);
  }
}

/** The module out of bytes, or out of an answer that has them. */
async function compiledOf(source, file) {
  let what = "what was given";
  if (typeof source?.arrayBuffer === "function") {
    what = `what ${source.url || "the answer"} gave`;
    if (source.ok === false) throw unavailable(`${what} has status ${source.status}`, file);
    const typed = source.headers?.get("content-type")?.startsWith("application/wasm");
    if (typed && wasm().compileStreaming) return wasm().compileStreaming(source);
    source = await source.arrayBuffer();
  }
  if (typeof source?.byteLength !== "number" || !isModule(source)) throw unavailable(`${what} is not a WebAssembly module`, file);
  return wasm().compile(source);
}

/** Whether the host compiles modules at all. */
function compiles() {
  try {
    return Boolean(new (wasm().Module)(Uint8Array.from(EMPTY)));
  } catch {
    return false;
  }
}

const tagOf = (value) => Object.prototype.toString.call(value);
/** Also those of another realm, as in test runners that have their own. */
const isCompiled = (value) => tagOf(value) === "[object WebAssembly.Module]";
const isUrl = (value) => tagOf(value) === "[object URL]";
