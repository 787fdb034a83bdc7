/** The module, as imported by bundlers and hosts that import WebAssembly: for `init({ module })`. */
import type { WasmModule } from "./web.js";

declare const module: WasmModule;
export default module;
