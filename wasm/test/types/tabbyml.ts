// Uses of the entry for TabbyML/tabby that must compile.
import { CompletionSession, RATE_LIMIT, TabbyError, TabbyML, init, type Action, type CompletionResponse, type HealthState, type Segments, type ServerKind } from "tabbyapi/tabbyml";

const tabby = new TabbyML({
  baseURL: "http://127.0.0.1:8080",
  token: "t",
  registrationToken: "r",
  getToken: ({ kind, rejected }) => (rejected ? null : kind === "user" ? "t" : { token: "r", expiresIn: 1000 }),
  timeout: 30_000,
});
await init();
const gentle = tabby.withOptions({ rateLimit: { ...RATE_LIMIT, whenFull: "refuse" }, concurrency: 1 });
console.log((await gentle.servers())[0]?.in_flight, RATE_LIMIT.interval / RATE_LIMIT.requests);
const segments: Segments = { prefix: "x", suffix: "y", declarations: [{ filepath: "a", body: "b" }] };
const completion: CompletionResponse = await tabby.completions.create({ language: "python", segments, mode: "standard" }, { signal: AbortSignal.timeout(1000) });
const { status, data } = await tabby.completions.create({ segments }).withResponse();
console.log(status.toFixed(), data.choices[0]?.text.length, completion.id.length);
await tabby.events.select({ completion_id: completion.id, select_kind: "line", elapsed: 3 });
const health: HealthState = await tabby.health.check();
const kind: ServerKind = await tabby.detect();
for await (const chunk of tabby.chat.stream({ messages: [{ role: "user", content: "hi" }] })) console.log(chunk.choices[0]?.delta.content?.length, kind, health.device);
const answer = await tabby.chat.create({ messages: [], max_tokens: 3, extra_body: { x: 1 } });
console.log(answer.choices[0]?.message.content?.length);
const [repository] = await tabby.graphql.repositories();
if (repository) for (const file of (await tabby.graphql.grep({ ...repository, query: "x" })).files) console.log(file.lines[0]?.line.text);
console.log((await tabby.graphql.query<{ me: { id: string } }>("{me{id}}")).me.id);
await tabby.ingestion.delete("s", "i").catch((error: unknown) => error instanceof TabbyError && error.code);

const session = await CompletionSession.open({ debounce: 200, budget: { prefixLines: 10 }, cleanup: { least: 1 } });
session.edit(0, { language: "python", filepath: "a.py", prefix: "", suffix: "" });
const action: Action = session.poll(0);
if (action.type === "send") await tabby.completions.create(action.request).then((response) => session.answered(1, action.id, response), (error) => session.failed(1, action.id, error));
else if (action.type === "report") await tabby.events.log(action.event);
else if (action.type === "show") console.log(action.suggestion.text, action.suggestion.replace.toFixed());
else if (action.type === "wait") console.log(action.until.toFixed());
// @ts-expect-error
await tabby.completions.create({ segments, mode: null });
// @ts-expect-error
await tabby.completions.create({ segments: {} });
// @ts-expect-error
new TabbyML({ baseURL: "x", apiKey: "no" });
// @ts-expect-error
new CompletionSession();
