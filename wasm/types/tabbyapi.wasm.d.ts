/** The module, as bundlers and hosts that import WebAssembly give it: for `init({ module })`. */
import type { WasmModule } from "./web.js";

declare const module: WasmModule;
export default module;
