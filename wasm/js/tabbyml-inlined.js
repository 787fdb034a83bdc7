// Loads the inlined module, for hosts where its file cannot be read.

import { textOf } from "./inlined.js";
import { FILE } from "./tabbyml-load.js";

export const inlined = () => textOf(import("./tabbyml-module.js"), FILE);
