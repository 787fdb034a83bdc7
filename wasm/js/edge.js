// For Next's edge runtime, which compiles modules at startup, and forbids it later.
import { setLoader } from "./load.js";
import module from "./tabbyapi.wasm?module";

setLoader(() => module);

export * from "./tabby.js";
