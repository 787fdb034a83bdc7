"""Runs a command that is a component of WASI 0.2 in wasmtime: python3 wasi.py COMPONENT [ARG ...]

It gets its arguments and the terminal, and nothing else: no folder, no environment, no network. `WASMTIME` names the folder in which the
package `wasmtime` lies (tests/setup-wasm).
"""

import os
import sys

sys.path.insert(0, os.environ["WASMTIME"])

from wasmtime import Engine, ExitTrap, Store, WasiConfig, component


def run(path: str, args: list[str]) -> int:
    engine = Engine()
    store = Store(engine)
    wasi = WasiConfig()
    wasi.argv = [path, *args]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store.set_wasi(wasi)
    linker = component.Linker(engine)
    linker.add_wasip2()
    instance = linker.instantiate(store, component.Component.from_file(engine, path))
    command = instance.get_export_index(store, "wasi:cli/run@0.2.0")
    main = instance.get_func(store, instance.get_export_index(store, "run", command))
    try:
        return 0 if main(store).tag == "ok" else 1
    except ExitTrap as exit:
        return exit.code


sys.exit(run(sys.argv[1], sys.argv[2:]))
