// Types of tools: arguments are those of their schemas, results are known.
import { z } from "zod";
import { Tabby } from "tabbyapi";
import { runTools, tool, withTools } from "tabbyapi/tools";

const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000" });
const messages = [{ role: "user" as const, content: "a" }];
const weather = tool({
  name: "get_weather",
  parameters: z.object({ city: z.string() }),
  run: async ({ city }, { call, signal }) => {
    const text: string = city + call.id + String(signal.aborted);
    // @ts-expect-error it is a string
    const number: number = city;
    return [text, number];
  },
});
// @ts-expect-error without a function there is no tool
tool({ name: "a" });
const run = runTools(tabby, { messages, tools: [weather, { name: "now", run: () => "12:30" }], limits: { rounds: 3 } });
for await (const event of run) {
  if (event.type === "chunk") void event.chunk.choices[0]?.delta.content;
  if (event.type === "finished") void (event.result.failure ? event.result.failure.error === "timed_out" : event.result.text.length);
  // @ts-expect-error no such event
  if (event.type === "ended") break;
}
const { text, end, messages: conversation, usage } = await withTools(tabby).chat.runTools({ messages, tools: { now: { run: () => "12:30" } } });
void [text.length, end === "answered", conversation[0]?.role, usage?.total_tokens];
