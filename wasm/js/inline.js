// The package with the module inlined as text, for hosts where files cannot be loaded. It takes a third more bytes.
import { setLoader } from "./load.js";
import base64 from "./module.js";
import "./proxies.js";

setLoader(() => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));

export * from "./tabby.js";
