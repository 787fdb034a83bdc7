// The key stays on the server. The page receives the chunks as lines of JSON. If it is closed, the generation ends.
import { Tabby } from "tabbyapi";

const MOST_TOKENS = 500;

export async function POST(request) {
  const { messages } = await request.json();
  const tabby = new Tabby({ baseURL: process.env.TABBY_URL ?? "http://127.0.0.1:5000", apiKey: process.env.TABBY_API_KEY });
  const stream = tabby.chat.stream({ messages, max_tokens: MOST_TOKENS }, { signal: request.signal });
  try {
    await stream.opened;
  } catch (error) {
    return Response.json({ error: error.code }, { status: error.status ?? 502 });
  }
  return new Response(stream.toReadableStream(), { headers: { "content-type": "application/x-ndjson" } });
}
