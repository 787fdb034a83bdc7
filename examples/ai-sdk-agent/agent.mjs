// An agent with the Vercel AI SDK and one tool, which ends with an object of a schema.
//
//   TABBY_URL=http://127.0.0.1:5000 TABBY_API_KEY=… node agent.mjs "Call get_weather for Oslo"
import { Output, ToolLoopAgent, tool } from "ai";
import { createTabby } from "tabbyapi/ai-sdk";
import { z } from "zod";

const MOST_TOKENS = 500;

const get_weather = tool({
  description: "Tells the weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => ({ city, celsius: 4, sky: "rain" }),
});
const agent = new ToolLoopAgent({
  model: createTabby()(),
  tools: { get_weather },
  maxOutputTokens: MOST_TOKENS,
  output: Output.object({ schema: z.object({ umbrella: z.boolean(), why: z.string() }) }),
});
const { output, steps } = await agent.generate({ prompt: process.argv[2] ?? "Call get_weather for Oslo" });
for (const { toolResults } of steps) for (const { toolName, output: result } of toolResults) console.log(toolName, JSON.stringify(result));
console.log(JSON.stringify(output));
