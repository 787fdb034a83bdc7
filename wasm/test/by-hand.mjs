// A call by the functions that `wasm-pack build` gives, as somebody would make it who brings the rest himself: the module says
// what to do, `fetch` does it. `core` is what the generated file exports.
import { Records } from "../js/records.js";

const [READ, SEND, , , DONE] = [0, 1, 2, 3, 4];
const HEADERS = ["content-type", "retry-after", "date", "x-should-retry", "retry-after-ms"];

/** Streams an answer, and gives its text and in how many chunks it came. */
export async function chat(core, settings, request) {
  const body = JSON.stringify({ ...request, stream: true });
  const client = core.open(JSON.stringify(settings));
  if (client === 0) throw new Error(core.detail());
  const call = core.start(client, JSON.stringify({ operation: "chat.stream", has_body: true, request_bytes: body.length }));
  if (call === 0) throw new Error(core.detail());
  const now = () => performance.now();
  const records = new Records({ item: (said) => said, split: (whole) => [whole] });
  const items = [];
  let reader;
  let code = core.poll(call, now());
  while (code === READ || code === SEND) {
    if (code === SEND) {
      const { method, url, headers } = JSON.parse(core.detail());
      const answer = await fetch(url, { method, headers, body });
      reader = answer.body.getReader();
      code = core.head(call, now(), answer.status, HEADERS.map((name) => answer.headers.get(name) ?? "").join("\n"));
      continue;
    }
    const { done, value } = await reader.read();
    code = done ? core.end(call, now()) : core.chunk(call, now(), value);
    records.feed(core.output());
    for (let item; (item = records.next()) !== undefined; ) items.push(item);
  }
  if (code !== DONE) throw new Error(core.detail());
  core.dropCall(call);
  core.close(client);
  return { text: items.map((item) => item.choices[0]?.delta.content ?? "").join(""), chunks: items.length };
}
