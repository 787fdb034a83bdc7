// The module of this entry, which is another one than that of the package's first entry.

import { fileOf, loading } from "./load.js";

export const FILE = fileOf("tabbyml.wasm", "tabbyapi/tabbyml/inline");

export const { setLoader, init, ready } = loading(FILE);
