// Proxies that Node, Bun and Deno take from the environment, for errors that name them.

import { host } from "./exchange.js";

/** The proxy that the host takes from the environment, if it does so: its address without a password, and the variable. */
host.proxyOf = (url) => {
  try {
    const env = environment();
    if (env === undefined) return undefined;
    const { protocol, hostname } = new URL(url);
    const names = protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"];
    const name = names.find((name) => env[name]);
    if (name === undefined || excepted(hostname, env.no_proxy || env.NO_PROXY)) return undefined;
    const proxy = new URL(env[name]);
    return { address: `${proxy.protocol}//${proxy.host}`, variable: name };
  } catch {
    return undefined;
  }
};

/** The environment, if the host takes proxies from it. Deno would ask for permission to read it. */
function environment() {
  const { Bun, process, Deno } = globalThis;
  if (Deno !== undefined) return Deno.permissions?.querySync({ name: "env" }).state === "granted" ? process.env : undefined;
  if (Bun !== undefined) return process.env;
  const { env, execArgv = [] } = process ?? {};
  return env?.NODE_USE_ENV_PROXY === "1" || execArgv.includes("--use-env-proxy") ? env : undefined;
}

function excepted(hostname, list = "") {
  const name = hostname.toLowerCase();
  return list.split(/[\s,]+/).some((entry) => {
    const suffix = entry.toLowerCase().replace(/:\d+$/, "").replace(/^\*?\./, "");
    return entry === "*" || (suffix !== "" && (name === suffix || name.endsWith(`.${suffix}`)));
  });
}
