// A chat in the terminal: each line of standard input is a message, and the response is printed as it streams. Ctrl+C aborts a response.
//
//   TABBY_URL=http://127.0.0.1:5000 TABBY_API_KEY=… node chat.mjs
import { createInterface } from "node:readline";
import { Tabby, TabbyError } from "tabbyapi";

const MOST_TOKENS = 500;

const tabby = new Tabby({ baseURL: process.env.TABBY_URL ?? "http://127.0.0.1:5000", apiKey: process.env.TABBY_API_KEY });
const lines = createInterface({ input: process.stdin, terminal: process.stdin.isTTY });
const messages = [];
let controller = new AbortController();
process.on("SIGINT", () => (controller.signal.aborted ? process.exit(130) : controller.abort()));

lines.setPrompt("> ");
if (process.stdin.isTTY) lines.prompt();
for await (const content of lines) {
  messages.push({ role: "user", content });
  controller = new AbortController();
  try {
    const stream = tabby.chat.stream({ messages, max_tokens: MOST_TOKENS }, { signal: controller.signal });
    for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
    messages.push({ role: "assistant", content: await stream.text() });
  } catch (error) {
    if (!(error instanceof TabbyError)) throw error;
    // A message without a response is not part of the conversation.
    messages.pop();
    console.error(error.name === "AbortError" ? "(aborted)" : `error: ${error.message}`);
    process.exitCode = 1;
  }
  console.log();
  if (process.stdin.isTTY) lines.prompt();
}
