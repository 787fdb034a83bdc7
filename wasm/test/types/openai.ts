// Types of the face of npm `openai`.
import { z } from "zod";
import OpenAI, { APIError, responseFormat } from "tabbyapi/openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:5000/v1", apiKey: "k", timeout: 5, defaultHeaders: { a: null } });
const messages = [{ role: "user" as const, content: "a" }];
const { choices } = await client.chat.completions.create({ model: "m", messages });
const text: string | null | undefined = choices[0]?.message.content;
for await (const chunk of await client.chat.completions.create({ model: "m", messages, stream: true, top_k: 5 })) void chunk.choices[0]?.delta.content;
const { data, response } = await client.models.list().withResponse();
const city = await client.chat.completions.parse({ messages, response_format: responseFormat(z.object({ name: z.string() })) });
const name: string | undefined = city.choices[0]?.message.parsed?.name;
client.chat.completions.stream({ messages }).on("content", (delta, snapshot) => void (delta + snapshot));
// @ts-expect-error no such event
client.chat.completions.stream({ messages }).on("contents", () => {});
// @ts-expect-error a typo
client.chat.completions.create({ messages, max_token: 5 });
const error: unknown = undefined;
if (error instanceof APIError) void [error.status, error.code];
if (error instanceof OpenAI.RateLimitError) void (error.status satisfies 429);
void [text, data.data[0]?.id, response.status, name];
