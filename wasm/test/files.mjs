// Serves files to a browser.
import { createReadStream, existsSync, statSync } from "node:fs";
import http from "node:http";
import { once } from "node:events";
import path from "node:path";

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** Serves a folder, with headers for all files; `page` is given in place of files that are missing. */
export async function files(t, folder, headers = {}, page = undefined) {
  const listening = http.createServer((request, response) => {
    let file = path.join(folder, path.normalize(new URL(request.url, "http://x").pathname));
    if (existsSync(file) && statSync(file).isDirectory()) file = path.join(file, "index.html");
    if (!file.startsWith(folder) || !existsSync(file)) {
      return page === undefined ? response.writeHead(404).end() : response.writeHead(200, { "content-type": "text/html" }).end(page);
    }
    response.writeHead(200, { ...headers, "content-type": types[path.extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => listening.close());
  return `http://127.0.0.1:${listening.address().port}`;
}
