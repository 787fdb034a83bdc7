// Types of vectors of many texts, also without the types of the web.
import { Tabby } from "tabbyapi";
import { embedMany, PartialEmbeddingsError } from "tabbyapi/batch";

const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000" });
try {
  const { data, usage } = await embedMany(tabby, { input: ["a"], parallel: 4, perRequest: undefined });
  void [data[0]?.embedding.length, usage?.prompt_tokens];
} catch (error) {
  if (error instanceof PartialEmbeddingsError) void [error.code, error.partial?.errors[0]?.error.kind, error.partial?.vectors[0]?.length];
}
// @ts-expect-error a text is no list
await embedMany(tabby, { input: "a" });
