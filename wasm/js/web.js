// For pages, their workers, and bundlers, which recognize this way of naming a file.
import { setLoader } from "./load.js";

setLoader(() => new URL("./tabbyapi.wasm", import.meta.url));

export * from "./tabby.js";
