// For Node: the module lies beside this file.
import { readFile } from "node:fs/promises";
import { setLoader } from "./abi.js";
import "./connections.js";

setLoader(() => readFile(new URL("./tabbyapi.wasm", import.meta.url)));

export * from "./tabby.js";
