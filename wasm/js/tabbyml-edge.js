// For Next's edge runtime, which compiles modules at startup, and forbids it later.
import { setLoader } from "./tabbyml-load.js";
import module from "./tabbyml.wasm?module";

setLoader(() => module);

export * from "./tabbyml.js";
