// A server that is silent for longer than the host's `fetch` waits by default, which is 300 seconds in Node and in Bun. The calls wait at the
// same time, in programs of their own.
import assert from "node:assert/strict";
import test from "node:test";
import { node, project, said, tool } from "./heavy.mjs";
import { chunk, event, events, json, server, sleep } from "./support.mjs";

const SILENCE = Number(process.env.SILENCE_SECONDS ?? 305) * 1000;

/** Chats, streams whose head comes or does not, embeddings and downloads, at a server that is silent before each of them. */
const WAITS = (url) => `
import { Tabby } from "tabbyapi";
const timeouts = { head: Infinity, firstItem: Infinity, idle: Infinity, total: Infinity };
const tabby = new Tabby({ baseURL: "${url}", apiKey: "k", timeouts });
const ask = { messages: [{ role: "user", content: "a" }] };
const calls = {
  chat: () => tabby.chat.create(ask).then(({ choices }) => choices[0].message.content),
  head: () => tabby.chat.stream({ ...ask, user: "head" }).finalMessage().then(({ choices }) => choices[0].message.content),
  body: () => tabby.chat.stream(ask).finalMessage().then(({ choices }) => choices[0].message.content),
  embeddings: () => tabby.embeddings.create({ input: ["a"] }).then(({ data }) => data.length),
  download: () => tabby.models.download({ repo_id: "a/b" }).then((answer) => answer.download_path),
};
const all = await Promise.all(Object.entries(calls).map(async ([name, call]) => [name, await call().catch((error) => error.message)]));
console.log(JSON.stringify(Object.fromEntries(all)));
`;

test("calls outlast the limits of the host", { timeout: SILENCE + 60_000 }, async (t) => {
  const programs = { "Node 20": process.execPath, "Node 22": node("node-22"), "Node 24": node("node-24"), Bun: tool("bun") };
  const started = Date.now();
  await Promise.all(Object.entries(programs).map(async ([name, command]) => {
    const { url, seen } = await server(t, async (request, response) => {
      const { body } = seen.at(-1);
      if (body.stream && body.user !== "head") {
        events(response);
        response.write(event(chunk({ content: "a" })));
        await sleep(SILENCE);
        return response.end(event(chunk({ content: "b" })) + event("[DONE]"));
      }
      await sleep(SILENCE);
      if (body.stream) {
        events(response);
        return response.end(event(chunk({ content: "ab" })) + event("[DONE]"));
      }
      if (request.url.includes("embeddings")) return json(response, 200, { data: [{ index: 0, embedding: [1] }] });
      if (request.url.includes("download")) return json(response, 200, { download_path: "models/b" });
      return json(response, 200, { choices: [{ index: 0, message: { role: "assistant", content: "ab" }, finish_reason: "stop" }] });
    });
    const made = project(`silence ${name}`, { "main.js": WAITS(url) });
    const all = await said(command, ["main.js"], made);
    assert.deepEqual(all, { chat: "ab", head: "ab", body: "ab", embeddings: 1, download: "models/b" }, name);
    // Nothing was sent twice.
    assert.equal(seen.length, 5, name);
  }));
  assert.ok(Date.now() - started >= SILENCE);
});
