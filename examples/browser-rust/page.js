// Loads the module. Everything else is in src/lib.rs.
import init from "./pkg/tabbyapi_browser.js";

await init();
