// What must compile without the types of the web and of Node, under the strictest of settings.
import { Tabby, TabbyError, fromReadableStream, type CallOptions, type ChatMessage, type ChatRequest } from "tabbyapi";

declare const environment: { URL?: string; KEY?: string; LIMIT?: number };
declare const console: { log(...values: unknown[]): void };

const tabby = new Tabby({
  baseURL: environment.URL ?? "http://127.0.0.1:5000",
  apiKey: environment.KEY,
  timeouts: { idle: environment.LIMIT },
  limits: { body: environment.LIMIT },
  retry: { base: environment.LIMIT },
  fetch: environment.KEY === undefined ? undefined : async () => ({ status: 200, ok: true, headers: { get: () => null, has: () => false, forEach: () => {} }, body: null, arrayBuffer: async () => new ArrayBuffer(0) }),
  headers: environment.KEY === undefined ? undefined : { "x-key": environment.KEY },
});
const messages: ChatMessage[] = [{ role: "user", content: "a", name: environment.KEY }];
const request: ChatRequest = { messages, max_tokens: environment.LIMIT, stop: undefined, tools: undefined, extra_body: undefined };
const options: CallOptions = { signal: undefined, timeout: environment.LIMIT };
const stream = tabby.chat.stream(request, options);
for await (const chunk of stream) console.log(chunk.choices[0]?.delta.content, chunk.usage?.completion_tokens);
const { choices } = await stream.finalMessage();
if (choices[0]) messages.push(choices[0].message);
const { status, headers } = await stream.opened;
console.log(status, headers.get("date"), fromReadableStream(stream.toReadableStream()));
await tabby.models.load({ model_name: "a", max_seq_len: environment.LIMIT, draft_model: undefined }, options).finalReport();
await tabby.embeddings.create({ input: "a", encoding_format: undefined });
await tabby.health.waitUntilReady({ timeout: environment.LIMIT, signal: undefined }).catch((error: unknown) => {
  if (error instanceof TabbyError) console.log(error.code === "no_model_loaded", error.headers.get("date"));
});
