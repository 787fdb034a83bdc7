using Workerd = import "/workerd/workerd.capnp";

# workerd serve config.capnp, with TABBY_URL and TABBY_KEY in the environment; worker.bundle.js and tabbyapi.wasm are in the same folder.
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "worker.js", esModule = embed "worker.bundle.js"),
        (name = "tabbyapi.wasm", wasm = embed "tabbyapi.wasm"),
      ],
      bindings = [
        (name = "TABBY_URL", fromEnvironment = "TABBY_URL"),
        (name = "TABBY_KEY", fromEnvironment = "TABBY_KEY"),
      ],
      globalOutbound = "network",
      compatibilityDate = "2026-01-01",
    )),
    # The server may be on this machine.
    (name = "network", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
