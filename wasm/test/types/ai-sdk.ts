// Types of the provider: models fit where the AI SDK takes them.
import { embed, generateText, streamText } from "ai";
import { Tabby } from "tabbyapi";
import { createTabby, type TabbyModelOptions } from "tabbyapi/ai-sdk";

const tabby = createTabby({ client: new Tabby({ baseURL: "http://127.0.0.1:5000" }) });
const { text } = await generateText({ model: tabby("m"), prompt: "a", providerOptions: { tabbyapi: { min_p: 0.1 } satisfies TabbyModelOptions } });
for await (const piece of streamText({ model: tabby.chat(), prompt: "a" }).textStream) void piece;
const { embedding } = await embed({ model: tabby.embeddingModel(), value: "a" });
// @ts-expect-error no such option
createTabby({ baseUrl: "http://127.0.0.1:5000" });
void [text, embedding[0], await tabby.client.models.list()];
