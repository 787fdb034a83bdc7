// Uses that must not compile, each for the reason that follows.
import { Stream, Tabby, TabbyError } from "tabbyapi";

// @ts-expect-error a server is needed
new Tabby({});
// @ts-expect-error a key is text
new Tabby({ baseURL: "http://h", apiKey: 1 });
// @ts-expect-error there is no such setting
new Tabby({ baseURL: "http://h", timeoutSeconds: 1 });
// @ts-expect-error timeouts are numbers
new Tabby({ baseURL: "http://h", timeoutPolicy: { stream: { idle: "20s" } } });
// @ts-expect-error there is no such kind of work
new Tabby({ baseURL: "http://h", timeoutPolicy: { streaming: {} } });
// @ts-expect-error a key has three forms
new Tabby({ baseURL: "http://h", getKey: () => 1 });

// @ts-expect-error an interval is needed
new Tabby({ baseURL: "http://h", rateLimit: { requests: 5 } });
// @ts-expect-error there is no such setting of a breaker
new Tabby({ baseURL: "http://h", breaker: { attempts: 5 } });
// @ts-expect-error the queue is that of the client
new Tabby({ servers: [{ baseURL: "http://h", concurrency: { running: 1, waiting: 5 } }] });

const tabby = new Tabby({ baseURL: "http://h" });
// @ts-expect-error messages are needed
tabby.chat.create({});
// @ts-expect-error a message has a role
tabby.chat.create({ messages: [{ content: "a" }] });
// @ts-expect-error there is no such role
tabby.chat.create({ messages: [{ role: "asistant", content: "a" }] });
// @ts-expect-error a typo is not sent
tabby.chat.create({ messages: [], max_token: 5 });
// @ts-expect-error a typo of a model's parameter is not sent
tabby.models.load({ model_name: "a", max_seqlen: 5 });
// @ts-expect-error a typo in an answer is not undefined
console.log((await tabby.chat.create({ messages: [] })).choises);
// @ts-expect-error a typo in a chunk is not undefined
for await (const chunk of tabby.chat.stream({ messages: [] })) console.log(chunk.choices[0]?.delta.contents);
// @ts-expect-error a typo of an option of a call
tabby.models.list({ timeOut: 5 });
// @ts-expect-error there is no such event
tabby.chat.stream({ messages: [] }).on("contents", () => {});
// @ts-expect-error a request has a path
tabby.request({ method: "GET" });
// @ts-expect-error a temperature is a number
tabby.chat.create({ messages: [], temperature: "hot" });
// @ts-expect-error the server wants a description
tabby.chat.create({ messages: [], tools: [{ type: "function", function: { name: "f", parameters: {} } }] });
// @ts-expect-error the server ignores this word
tabby.chat.create({ messages: [], response_format: { type: "json_object" } });
// @ts-expect-error a signal is no controller
tabby.chat.create({ messages: [] }, { signal: new AbortController() });
// @ts-expect-error a stream is no promise
tabby.chat.stream({ messages: [] }).then(() => {});
// @ts-expect-error streams are not made by hand
new Stream();
// @ts-expect-error the server takes no tokens as prompt
tabby.completions.create({ prompt: [1, 2] });
// @ts-expect-error the directory is needed
tabby.models.load({});
// @ts-expect-error a load has no message
tabby.models.load({ model_name: "a" }).finalMessage();
// @ts-expect-error texts are needed
tabby.embeddings.create({ input: [1] });
// @ts-expect-error vectors are no plain lists
const vectors: number[][] = (await tabby.embeddings.create({ input: "a" })).data.map(({ embedding }) => embedding);
// @ts-expect-error the model may be silent
const text: string = (await tabby.chat.create({ messages: [] })).choices[0]!.message.content;
// @ts-expect-error an error's fields are not for writing
new TabbyError().code = "a";
// @ts-expect-error there is no such service
tabby.images.create({});
console.log(vectors, text);
