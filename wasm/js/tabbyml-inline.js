// The package with the module inlined as text, for hosts where files cannot be loaded.
import { bytesOf } from "./inlined.js";
import "./proxies.js";
import { setLoader } from "./tabbyml-load.js";
import base64 from "./tabbyml-module.js";

setLoader(() => bytesOf(base64));

export * from "./tabbyml.js";
