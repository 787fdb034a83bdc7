// Uses that must compile.
import { Tabby, TabbyError, extraOf, fromReadableStream, init, type Answer, type ChatCompletion, type ChatRequest, type Outcome } from "tabbyapi";
import { requestTokens } from "tabbyapi/estimate";
import { Tabby as Inlined } from "tabbyapi/inline";

const tabby: Tabby = new Tabby({
  baseURL: "http://127.0.0.1:5000",
  apiKey: "k",
  getKey: async ({ scope, rejected }) => (rejected ? null : { bearer: scope, expiresIn: 1000 }),
  timeoutPolicy: { stream: { idle: 20_000, total: Infinity } },
  timeout: 30_000,
  preferAdminKey: true,
  maxRetries: 1,
  fetch: (url, init) => fetch(url, init),
  onAttempt: ({ attempt, url }) => console.log(attempt.toFixed(), url),
  onOutcome: ({ ok, attempts }) => console.log(ok, attempts?.length),
});
await init();
await init({ module: new Uint8Array() });
new Inlined({ baseURL: "http://h" });

const limited = new Tabby({
  servers: ["http://a", { baseURL: "http://b", concurrency: 2, rateLimit: { requests: 5, interval: 1000 } }],
  concurrency: { running: 4, waiting: 100 },
  rateLimit: { requests: 60, tokens: 100_000, interval: 60_000, whenFull: "refuse", estimate: requestTokens },
  breaker: { minAttempts: 3, openFor: Infinity },
});
new Tabby({ baseURL: "http://h", concurrency: 4, breaker: true, rateLimit: { tokens: 5, interval: 1000, estimate: ({ messages }: ChatRequest) => messages.length } });
for (const { base, breaker, in_flight, retry_after, model } of await limited.servers()) console.log(base, breaker === "open" ? retry_after : in_flight, model);
for (const { base, model, error } of await limited.probe({ timeout: 1000 })) console.log(base, model?.id ?? error?.code, error?.retryAfter);
console.log((await limited.waiting()) + 1);

const request: ChatRequest = {
  messages: [
    { role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "data:…" } }] },
    { role: "tool", content: "1", tool_call_id: "a" },
  ],
  tools: [{ type: "function", function: { name: "f", description: "", parameters: { type: "object" } } }],
  tool_choice: "auto",
  response_format: { type: "json_schema", json_schema: { type: "object" } },
  temperature: 0.7,
  stop: ["\n", 5],
  extra_body: { future: { anything: true } },
};
const asked: Answer<ChatCompletion> = tabby.chat.create(request, { signal: new AbortController().signal, timeout: Infinity, preferAdminKey: false });
const text: string | null | undefined = (await asked).choices[0]?.message.content;
const { data, status, headers } = await tabby.models.list().withResponse();
console.log(text, data.data.map((model) => model.id.length), status + 1, headers.get("date"));

const stream = tabby.chat.stream(request);
for await (const chunk of stream) console.log(chunk.choices[0]?.delta.content?.length, chunk.usage?.total_tokens);
const message: ChatCompletion = await stream.finalMessage();
const outcome: Outcome | undefined = stream.outcome;
stream.abort();
new Response(stream.toReadableStream());
const { status: opened, headers: heads } = await stream.opened;
const [one, other] = tabby.chat.stream(request).tee();
for await (const chunk of one) console.log(chunk.choices.length, opened.toFixed(), heads.get("a"), (await other.next()).value?.choices.length);
for await (const chunk of fromReadableStream(fetch("/route"))) console.log(chunk.choices[0]?.delta.content, extraOf(chunk).system_fingerprint);
new Tabby({ baseURL: new URL("http://h"), fetchOptions: { dispatcher: {}, cache: "no-store" }, headers: new Headers() });
const listening = tabby.withOptions({ logger: console, timeout: 5 }).chat.stream(request);
listening.on("content", (piece, index) => console.log(piece.length, index.toFixed())).on("toolCall", ({ function: { name } }) => console.log(name.length));
listening.on("error", (error) => console.log(error.partial?.choices.length)).on("end", ({ choices }) => console.log(choices.length));
console.log((await listening.text()).length, (await tabby.request<{ ranks: number[] }>({ path: "/v1/rerank", method: "POST", body: {} })).ranks.length);
for await (const item of tabby.request<{ at: number }>({ path: "/events", stream: true })) console.log(item.at.toFixed());
// Messages of answers go into requests.
request.messages.push(...message.choices.map((choice) => choice.message));
console.log(message.choices[0]?.finish_reason === "stop", outcome?.attempt_count);

for await (const { module, modules } of tabby.models.load({ model_name: "a", rope_alpha: "auto" })) console.log(module / modules);
const { wasLoadedAlready } = await (await tabby.models.reload({ model_name: "a" })).finalReport();
const vector: Float32Array | undefined = (await tabby.embeddings.create({ input: ["a"] })).data[0]?.embedding;
const count: number = await tabby.tokens.count([{ role: "user", content: "a" }]);
await tabby.sampling.setOverrides({ temperature: { override: 1, force: true } });
const permission: "api" | "admin" | (string & {}) = await tabby.auth.permission();
console.log(wasLoadedAlready, vector, count, permission);

try {
  await tabby.health.waitUntilReady({ timeout: 1000 });
} catch (error) {
  if (error instanceof TabbyError) {
    const kind: "timeout" | string = error.kind;
    const code: string = error.code;
    if (error.code === "no_model_loaded" || error.code === "a_server_of_its_own") console.log(TabbyError.from(error.toJSON()).code);
    console.log(kind, code, error.status?.toFixed(), error.retryable, error.attempts[0]?.cause, error.validation[0]?.loc.join("."));
  }
}
