// Finds, compiles and starts the WebAssembly module. Any failure is a `module_unavailable` that names the remedy.

import { Abi, VERSION } from "./abi.js";
import { TabbyError, misuse } from "./error.js";
import { unavailable, wasm } from "./host.js";
import { wordsOf } from "./secrets.js";

/** An empty module, which shows whether the host compiles modules. */
const EMPTY = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The remedy for a missing module file. */
export const fileOf = (name, entry) => `serve \`${name}\` from the folder of the package's files, or import from "${entry}"`;
export const FILE = fileOf("tabbyapi.wasm", "tabbyapi/inline");
const POLICY =
  "allow it with `'wasm-unsafe-eval'` in `script-src` of the Content-Security-Policy of the page or extension; in Cloudflare workers, import from \"tabbyapi/workerd\"";

/** Whether these bytes begin like a module. Servers send a page in place of a missing file. */
export const isModule = (bytes) => {
  const view = new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, Math.min(4, bytes.byteLength));
  return view.length === 4 && view.every((byte, at) => byte === EMPTY[at]);
};

/** Finds, compiles and starts one of the package's modules. `file` is the remedy for a missing file. */
export function loading(file) {
  let load = () => Promise.reject(misuse("no WebAssembly module was given; call `await init({ module })` first"));
  let compiled;
  let current;

  /** How this entry point finds the module. */
  function setLoader(loader) {
    load = loader;
  }

  /**
   * Loads the module. Calls do this automatically. `module` sets the module: bytes, a `Response`, a URL, or a compiled module.
   */
  async function init(options) {
    if (options?.module !== undefined) {
      const module = await compile(options.module, file);
      compiled = Promise.resolve(module);
      // Running calls keep their instance.
      current = undefined;
    }
    await ready();
  }

  /** A usable instance. */
  function ready() {
    if (current !== undefined && !current.abi?.dead) return current.ready;
    const wanted = { abi: undefined };
    const source = compiled ?? load();
    if (isCompiled(source)) {
      // At once, since some hosts bind pending work to the request in which it started.
      wanted.abi = abiOf(instanceOf(source));
      wanted.ready = Promise.resolve(wanted.abi);
    } else {
      compiled ??= compile(source, file);
      const started = compiled.then((module) => wasm().instantiate(module)).then((instance) => (wanted.abi = abiOf(instance)));
      wanted.ready = started.catch((error) => {
        // The next call retries, since the network may be back.
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

/** A module of another version would silently misread settings. */
function abiOf(instance) {
  if (instance.exports.version?.() === VERSION) return new Abi(instance);
  throw unavailable("its version differs from that of the package", "serve or bundle the `tabbyapi.wasm` that came with this version of the package");
}

const unstarted = (error) => unavailable(`it does not start (${wordsOf(error)})`, "free memory in this process, or report this if there is enough memory", error);

async function compile(given, file) {
  if (typeof wasm()?.compile !== "function") {
    throw unavailable("this host has no WebAssembly", "enable it: lockdown modes and some policies disable it");
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
    if (!compiles()) throw unavailable(`this host does not allow compiling WebAssembly (${wordsOf(error)})`, POLICY, error);
    throw unavailable(`it could not be compiled (${wordsOf(error)})`, file, error);
  }
}

/** The module from bytes, or from a response with them. */
async function compiledOf(source, file) {
  let what = "the given module";
  if (typeof source?.arrayBuffer === "function") {
    what = source.url ? `the response of ${source.url}` : "the response";
    if (source.ok === false) throw unavailable(`${what} has status ${source.status}`, file);
    const typed = source.headers?.get("content-type")?.startsWith("application/wasm");
    if (typed && wasm().compileStreaming) return wasm().compileStreaming(source);
    source = await source.arrayBuffer();
  }
  if (typeof source?.byteLength !== "number" || !isModule(source)) throw unavailable(`${what} is not a WebAssembly module`, file);
  return wasm().compile(source);
}

/** Whether the host compiles modules. */
function compiles() {
  try {
    return Boolean(new (wasm().Module)(Uint8Array.from(EMPTY)));
  } catch {
    return false;
  }
}

const tagOf = (value) => Object.prototype.toString.call(value);
/** Also from another realm, as in some test runners. */
const isCompiled = (value) => tagOf(value) === "[object WebAssembly.Module]";
const isUrl = (value) => tagOf(value) === "[object URL]";
