// For workerd, which compiles modules at startup, and forbids it later.
import { setLoader } from "./load.js";
import module from "./tabbyapi.wasm";

setLoader(() => module);

export * from "./tabby.js";
