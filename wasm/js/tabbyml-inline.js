// With the module in its own text: for where files cannot be named.
import { bytesOf } from "./inlined.js";
import "./proxies.js";
import { setLoader } from "./tabbyml-load.js";
import base64 from "./tabbyml-module.js";

setLoader(() => bytesOf(base64));

export * from "./tabbyml.js";
