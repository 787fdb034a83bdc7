// For workerd, which compiles modules at startup, and forbids it later.
import { setLoader } from "./tabbyml-load.js";
import module from "./tabbyml.wasm";

setLoader(() => module);

export * from "./tabbyml.js";
