// The same without the types of the web, and with each library checked.
import { Tabby } from "tabbyapi";
import { parse, type StandardSchema } from "tabbyapi/schema";

declare const schema: StandardSchema<{ name: string }, { name: string }>;
const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000" });
const { name } = await parse(tabby, { messages: [{ role: "user", content: "a" }], schema, max_tokens: undefined });
void name;
