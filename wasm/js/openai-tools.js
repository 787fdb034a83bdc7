// Runs tools with the interface of npm `openai`: the tools of the request contain the functions.

import { ChatRun } from "./openai-events.js";
import { ChatCompletionStream, joined } from "./openai-chat.js";
import { OpenAIError } from "./openai-errors.js";
import { parsedCompletion } from "./openai-parse.js";
import { described } from "./toolset.js";

/** The default for the maximum number of responses in a run. */
const ROUNDS = 10;

/** The fields of a message that are sent back. Responses have more fields than requests accept. */
function sendable(message) {
  const { parsed: _, refusal, annotations: __, ...kept } = message;
  if (refusal != null) kept.refusal = refusal;
  if (kept.tool_calls === undefined) delete kept.tool_calls;
  else kept.tool_calls = kept.tool_calls.map(({ id, type, function: called, ...rest }) => ({ ...rest, id, type, function: { name: called.name, arguments: called.arguments } }));
  return kept;
}

/** The tools by name, and as they are sent. */
function toolsOf(given) {
  const functions = new Map();
  const sent = (given ?? []).map((tool) => {
    if (tool.type !== "function") return tool;
    const own = tool.$callback ? { ...tool.function, function: tool.$callback, parse: tool.$parseRaw } : tool.function;
    const name = own.name || own.function?.name;
    functions.set(name, own);
    const { strict, description, parameters } = own;
    return described({ type: "function", function: { name, description, parameters, ...(strict === undefined ? {} : { strict }) } });
  });
  return { functions, sent };
}

/** Creates the class of a run with tools from the class for a single response. */
const runner = (Base) =>
  class extends Base {
    /** `ask` returns the whole response to a request. */
    async rounds(params, options, ask) {
      const { maxChatCompletions = ROUNDS, afterCompletion } = options ?? {};
      const { tools, stream: _, messages, tool_choice = "auto", toolContext = options?.toolContext, ...rest } = params;
      const only = typeof tool_choice === "object" ? tool_choice.function?.name : undefined;
      const { functions, sent } = toolsOf(tools);
      for (const message of messages) this.addMessage(message, false);
      for (let round = 0; round < maxChatCompletions; round++) {
        const completion = await ask({ ...rest, tool_choice, tools: sent, messages: this.messages.map(sendable) });
        const message = completion.choices[0]?.message;
        if (!message) throw new OpenAIError("missing message in ChatCompletion response");
        const calls = message.tool_calls ?? [];
        const isOver = calls.length === 0 || (await this.#called(calls, { functions, only, toolContext, oneByOne: only !== undefined || params.parallel_tool_calls === false }));
        await afterCompletion?.(completion, this);
        if (isOver) return;
      }
    }

    /** Runs the calls of a response. Returns whether the requested one is among them. */
    async #called(calls, how) {
      if (!how.oneByOne) {
        // All calls finish before the error of one ends the run.
        const results = await Promise.allSettled(calls.map((call) => this.#result(call, how)));
        const failed = results.find(({ status }) => status === "rejected");
        if (failed) throw failed.reason;
        for (const { value } of results) if (value.message) this.addMessage(value.message);
        return false;
      }
      for (const call of calls) {
        const { message, isRun } = await this.#result(call, how);
        if (message) this.addMessage(message);
        if (how.only !== undefined && isRun) return true;
      }
      return false;
    }

    async #result(call, { functions, only, toolContext }) {
      if (call.type !== "function") return { message: undefined, isRun: false };
      const { name, arguments: text } = call.function;
      const said = (content, isRun) => ({ message: { role: "tool", tool_call_id: call.id, content }, isRun });
      const found = functions.get(name);
      if (!found) {
        const names = [...functions.keys()].map((known) => JSON.stringify(known)).join(", ");
        return said(`Invalid tool_call: ${JSON.stringify(name)}. Available options are: ${names}. Please try again`, false);
      }
      if (only !== undefined && only !== name) return said(`Invalid tool_call: ${JSON.stringify(name)}. ${JSON.stringify(only)} requested. Please try again`, false);
      let args = text;
      if (typeof found.parse === "function") {
        try {
          args = await found.parse(text);
        } catch (error) {
          return said(error instanceof Error ? error.message : String(error), false);
        }
      }
      const result = await found.function(args, this, toolContext);
      return said(typeof result === "string" ? result : result === undefined ? "undefined" : JSON.stringify(result), true);
    }
  };

/** A tool whose arguments are parsed before it is called. */
export class ParsingToolFunction {
  type = "function";
  function;

  constructor(given) {
    this.function = given;
  }
}

/** A run whose responses are not streamed. */
export class ChatCompletionRunner extends runner(ChatRun) {
  static runTools(client, params, options) {
    const made = new this();
    const ask = async (request) => {
      const call = joined(callOf(options), made.controller.signal);
      try {
        const answer = await client.chat.completions.create({ ...request, stream: false }, call.options);
        made.connected();
        const completion = identified(await parsedCompletion(answer, params));
        made.addCompletion(completion);
        const text = completion.choices[0]?.message.content;
        if (text) made.emit("content", text);
        return completion;
      } finally {
        call.stop();
      }
    };
    return made.run(() => made.rounds(params, options, ask), () => made.emitFinal());
  }
}

/** The options of a run that apply to its calls. */
function callOf(options) {
  const { maxChatCompletions: _, toolContext: __, afterCompletion: ___, ...call } = options ?? {};
  return call;
}

/** A run whose responses are streamed. */
export class ChatCompletionStreamingRunner extends runner(ChatCompletionStream) {
  static runTools(client, params, options) {
    const made = new this(params);
    const ask = async (request) => {
      await made.read(client, request, callOf(options));
      return made.completions.at(-1);
    };
    return made.run(() => made.rounds(params, options, ask), () => made.emitFinal());
  }

  addCompletion(completion) {
    super.addCompletion(identified(completion));
  }

  /** For readers of chunks, a result is an empty chunk. */
  lines() {
    const line = (message) => {
      const { id = "", created = 0, model = "" } = this.completions.at(-1) ?? {};
      return { id, object: "chat.completion.chunk", created, model, choices: [], message };
    };
    return this.queued({ chunk: (chunk) => chunk, message: (message) => (message.role === "tool" ? line(message) : undefined) });
  }
}

/** Results refer to calls by id, so each call needs a unique one. */
function identified(completion) {
  const ids = new Set();
  for (const { message } of completion.choices) {
    for (const [index, call] of (message.tool_calls ?? []).entries()) {
      if (!call.id || ids.has(call.id)) call.id = `call_${completion.id || "0"}_${index}`;
      ids.add(call.id);
    }
  }
  return completion;
}
