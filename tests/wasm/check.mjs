// Holds a compiled module against its promises: it imports nothing, and each function it exports gives zero.
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
let failed = 0;
const check = (name, ok, detail = "") => {
  console.log(`test ${name} ... ${ok ? "ok" : `FAILED ${detail}`}`);
  if (!ok) failed += 1;
};

const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
check("imports nothing", imports.length === 0, imports.join(", "));

const { exports } = new WebAssembly.Instance(module);
const functions = Object.entries(exports).filter(([, value]) => typeof value === "function");
check("exports functions", functions.length > 0);
for (const [name, run] of functions) {
  const line = run();
  check(name, line === 0, `at line ${line}`);
}
console.log(`test result: ${failed ? "FAILED" : "ok"}. ${functions.length + 2 - failed} passed; ${failed} failed`);
process.exit(failed ? 1 : 0);
