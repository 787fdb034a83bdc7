// An edge worker in front of a TabbyAPI server: it keeps the key, and only forwards the text of responses.
//
//   POST / {"messages": […]}    the response as lines of JSON, {"text": "…"} each, and {"error": "code"} if it breaks
//
// Bundled like wrangler does: esbuild with the condition `workerd`, with the .wasm as a separate module for workerd.
import { Tabby } from "tabbyapi";

const MOST_TOKENS = 500;

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return Response.json({ error: "POST {\"messages\": […]}" }, { status: 405 });
    const { messages } = await request.json();
    const tabby = new Tabby({ baseURL: env.TABBY_URL, apiKey: env.TABBY_KEY });
    const stream = tabby.chat.stream({ messages, max_tokens: MOST_TOKENS });
    return new Response(texts(stream), { headers: { "content-type": "application/x-ndjson" } });
  },
};

/** The text of a stream, as lines. The generation ends if the client disconnects. */
function texts(stream) {
  const items = stream[Symbol.asyncIterator]();
  const line = (value) => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  return new ReadableStream({
    async pull(controller) {
      try {
        for (;;) {
          const { value, done } = await items.next();
          if (done) return controller.close();
          const text = value.choices[0]?.delta.content;
          // Reasoning and tool calls are not forwarded.
          if (text) return controller.enqueue(line({ text }));
        }
      } catch (error) {
        controller.enqueue(line({ error: error.code ?? "failed" }));
        controller.close();
      }
    },
    cancel: () => items.return(),
  });
}
