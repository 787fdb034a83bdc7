// The resources of npm `openai` that the server supports.

import { ChatCompletionStream } from "./openai-chat.js";
import { NotFoundError, OpenAIError } from "./openai-errors.js";
import { parsedCompletion } from "./openai-parse.js";
import { APIPromise } from "./openai-promise.js";
import { ChatCompletionRunner, ChatCompletionStreamingRunner } from "./openai-tools.js";
import { described } from "./toolset.js";

class Resource {
  client;

  constructor(client) {
    Object.defineProperty(this, "client", { value: client, enumerable: false });
  }
}

const isRequest = (request) => typeof request === "object" && request !== null;

/** An invalid request rejects the call. */
const refused = () => new APIPromise(Promise.reject(new OpenAIError("the request must be an object")));

/** Converts a request for the server: tools have a description, and an unset text is null. */
function sent({ stream: _, tools, ...request }) {
  return tools === undefined ? request : { ...request, tools: tools.map((tool) => (tool.type === "function" ? described(tool) : tool)) };
}

/** Chunks with only usage are passed on only if they were requested, since programs rely on a choice. */
const passes = (request) => (request.stream_options?.include_usage ? () => true : (chunk) => chunk.choices?.length !== 0);

/** Conversations. */
export class Completions extends Resource {
  create(request, options) {
    const { client } = this;
    if (!isRequest(request)) return refused();
    if (request.stream) return client.streamed(options, (tabby, call) => tabby.chat.stream(sent(request), call), passes(request));
    return client.asked(options, (tabby, call) => tabby.chat.create(sent(request), call), nulled);
  }

  /** Streams the response with events. */
  stream(request, options) {
    if (!isRequest(request)) throw new OpenAIError("the request must be an object");
    return ChatCompletionStream.createChatCompletion(this.client, request, options);
  }

  /** The response, with its text and arguments parsed. */
  parse(request, options) {
    if (!isRequest(request)) return refused();
    const made = this.create({ ...request, stream: false }, options);
    const parsed = async () => {
      const { data, response } = await made.withResponse();
      return { data: await parsedCompletion(data, request), response: () => response };
    };
    return new APIPromise(parsed());
  }

  /** Runs tools in rounds. */
  runTools(request, options) {
    if (!isRequest(request)) throw new OpenAIError("the request must be an object");
    const Runner = request.stream ? ChatCompletionStreamingRunner : ChatCompletionRunner;
    return Runner.runTools(this.client, request, options);
  }
}

/** Fields that are null in OpenAI's responses, and missing in this server's. */
function nulled(completion) {
  for (const choice of completion.choices) {
    choice.logprobs ??= null;
    if (choice.message) choice.message.refusal ??= null;
  }
  return completion;
}

/** Text completions. */
export class LegacyCompletions extends Resource {
  create(request, options) {
    const { client } = this;
    if (!isRequest(request)) return refused();
    if (request.stream) return client.streamed(options, (tabby, call) => tabby.completions.stream(sent(request), call), passes(request));
    return client.asked(options, (tabby, call) => tabby.completions.create(sent(request), call));
  }
}

/** Embedding vectors, as lists of numbers unless base64 is requested. */
export class Embeddings extends Resource {
  create(request, options) {
    if (!isRequest(request)) return refused();
    const write = request.encoding_format === "base64" ? base64Of : (vector) => Array.from(vector);
    return this.client.asked(options, (tabby, call) => tabby.embeddings.create(request, call), (answer) => {
      for (const entry of answer.data) entry.embedding = write(entry.embedding);
      return answer;
    });
  }
}

function base64Of(vector) {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Models. */
export class Models extends Resource {
  list(options) {
    return new PagePromise(this.#list(options, (answer) => new Page(answer)));
  }

  /** Finds a model in the list, since the server has no route for it. */
  retrieve(id, options) {
    return this.#list(options, (answer) => {
      const found = answer.data.find((card) => card.id === id);
      if (found) return found;
      const words = { message: `the model ${JSON.stringify(id)} is not in the server's list`, code: "model_not_found", type: "invalid_request_error", param: "model" };
      throw new NotFoundError(404, words, undefined, new Headers());
    });
  }

  #list(options, change) {
    return this.client.asked(options, (tabby, call) => tabby.models.list(call), change);
  }
}

/** A list with one page. */
class Page {
  constructor({ data, object = "list" }) {
    this.data = data;
    this.object = object;
  }

  getPaginatedItems() {
    return this.data;
  }

  hasNextPage() {
    return false;
  }

  nextPageRequestOptions() {
    return null;
  }

  async getNextPage() {
    throw new OpenAIError("No next page expected; please check `.hasNextPage()` before calling `.getNextPage()`.");
  }

  async *[Symbol.asyncIterator]() {
    yield* this.data;
  }

  async *iterPages() {
    yield this;
  }
}

class PagePromise extends APIPromise {
  constructor(promise) {
    super(promise.withResponse().then(({ data, response }) => ({ data, response: () => response })));
  }

  async *[Symbol.asyncIterator]() {
    yield* (await this).data;
  }
}

/** Defines the names `under` a resource that npm `openai` has and this server does not support. Using them throws an error that says so. */
export function absent(prototype, names, under = "") {
  for (const name of names) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get() {
        throw new OpenAIError(`TabbyAPI has no \`${under}${name}\`; there are ${THERE}, and \`client.request\` for any other route`);
      },
    });
  }
}

const THERE = "`chat.completions` (`create`, `stream`, `parse`, `runTools`), `completions`, `embeddings` and `models` (`list`, `retrieve`)";

// Conversations are not stored, and models are not deleted.
absent(Completions.prototype, ["retrieve", "update", "list", "delete", "messages"], "chat.completions.");
absent(Models.prototype, ["delete"], "models.");

