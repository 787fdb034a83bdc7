// The module of this entry point, which differs from that of the main entry point.

import { fileOf, loading } from "./load.js";

export const FILE = fileOf("tabbyml.wasm", "tabbyapi/tabbyml/inline");

export const { setLoader, init, ready } = loading(FILE);
