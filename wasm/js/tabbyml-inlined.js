// The module out of its own text, for where its file cannot be read.

import { textOf } from "./inlined.js";
import { FILE } from "./tabbyml-load.js";

export const inlined = () => textOf(import("./tabbyml-module.js"), FILE);
