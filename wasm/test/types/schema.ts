// Types of structured output: what the compiler knows of values, and what it refuses.
import { type } from "arktype";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { z } from "zod";
import { Tabby, TabbyError } from "tabbyapi";
import { UnparsedError, parse, withParse } from "tabbyapi/schema";

const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000" });
const messages = [{ role: "user" as const, content: "a" }];

const ofZod: { name: string; on: Date } = await parse(tabby, { messages, schema: z.object({ name: z.string(), on: z.string().transform((text) => new Date(text)) }) });
const ofArktype: { name: string } = await parse(tabby, { messages, schema: type({ name: "string" }) });
const ofValibot: { name: string } = await parse(tabby, { messages, schema: toStandardJsonSchema(v.object({ name: v.string() })) });
const ofJson: unknown = await parse(tabby, { messages, schema: { type: "object" } });
for await (const { items } of parse(tabby, { messages, schema: z.object({ items: z.array(z.object({ price: z.number() })) }) })) {
  const price: number | undefined = items?.[0]?.price;
  void price;
}
const { value, raw, answer } = await withParse(tabby).chat.parse({ messages, schema: z.number() }).result();
const sum: number = value + raw.length + answer.created;
// @ts-expect-error it is a number
const text: string = value;
// @ts-expect-error another constraint cannot be combined with a schema
parse(tabby, { messages, schema: z.number(), grammar_string: "a" });
// @ts-expect-error a typo
parse(tabby, { messages, schema: z.number(), max_token: 5 });
const error = new Error() as unknown;
if (error instanceof UnparsedError) {
  const words: TabbyError = error;
  const why: "empty" | "cut_off" | "not_json" | "unexpected" = error.unparsed;
  void [words, why, error.issues[0]?.path, error.raw, error.partial?.choices];
}
void [ofZod, ofArktype, ofValibot, ofJson, sum, text];
