/**
 * Tools: functions that a model may call, run in rounds until the model calls none.
 *
 * ```ts
 * import { Tabby } from "tabbyapi";
 * import { runTools, tool } from "tabbyapi/tools";
 * import { z } from "zod";
 *
 * const weather = tool({
 *   name: "get_weather",
 *   description: "Tells the weather in a city.",
 *   parameters: z.object({ city: z.string() }),
 *   run: async ({ city }) => ({ city, celsius: 4, sky: "rain" }),
 * });
 * const tabby = new Tabby({ baseURL: "http://127.0.0.1:5000", apiKey: "…" });
 * const { text } = await runTools(tabby, { messages: [{ role: "user", content: "The weather in Oslo?" }], tools: [weather] });
 * ```
 */
import type { CallOptions, Chat, ChatChunk, ChatCompletion, ChatMessage, ChatRequest, JsonSchema, Tabby, Tool as Definition, ToolCall, Usage } from "./index.js";
import type { OutputOf, Schema } from "./standard.js";
import type * as web from "./web.js";

export type { Schema, StandardSchema } from "./standard.js";

/** A function that the model may call. */
export interface Tool<S extends Schema = any, T = any> {
  /** Its name, for the model. */
  name: string;
  /** What it does, for the model. The server insists on one: by default the description of the parameters, or the words of the name. */
  description?: string | undefined;
  /** Its arguments, an object: a schema of Standard Schema, or a JSON schema. What the model writes is checked against it. None by default. */
  parameters?: S | undefined;
  /** The JSON schema to send for the parameters, where the library has none for them. */
  jsonSchema?: JsonSchema | undefined;
  /**
   * Runs it. The model gets a text as it is, any other result as JSON, and the message of what is thrown, which should say how to do better and
   * must not hold secrets.
   */
  run(args: OutputOf<S, T>, context: ToolContext): unknown;
}

/** What a call is given besides its arguments. */
export interface ToolContext {
  /** The call as the model made it. */
  readonly call: ToolCall;
  /** Aborts when the call takes too long, or the run ends before it. */
  readonly signal: web.Signal;
}

/** A tool as it is, with the types of its arguments. */
export function tool<S extends Schema, T = any>(given: Tool<S, T>): Tool<S, T>;

/** A request with tools. */
export interface ToolRequest extends Omit<ChatRequest, "tools" | "n"> {
  /**
   * The tools, as a list, or by name. Definitions of the wire may be among them, which are not run: the model gets `unknown_tool` for their calls.
   * With a form that the answer is held to (`response_format`, `json_schema`, a regex, a grammar) rounds are asked without it, and once more with it
   * when the model calls no tool any more.
   */
  tools: readonly (Tool | Definition)[] | Readonly<Record<string, Omit<Tool, "name">>>;
  /** The caps of the run. */
  limits?: ToolLimits | undefined;
}

/** The caps of a run. */
export interface ToolLimits {
  /** The most answers of the model, the last one included, from 1; 8 by default. */
  rounds?: number | undefined;
  /** How many calls of an answer run at a time, from 1; 4 by default. */
  parallel?: number | undefined;
  /** How many calls of an answer are run; 16 by default. The model gets `too_many_calls` for others. */
  calls?: number | undefined;
  /** The time limit of a call, in milliseconds; 60000 by default, `Infinity` for none. */
  timeout?: number | undefined;
  /** The largest result, in bytes of UTF-8; 65536 by default. */
  resultBytes?: number | undefined;
  /** Whether the first failure ends the run; false by default, so that the model gets the failure. */
  stopOnFailure?: boolean | undefined;
}

/** What the model gets in place of a result, as JSON. */
export interface ToolFailure {
  /** The class of the failure. */
  error: "unknown_tool" | "bad_arguments" | "failed" | "timed_out" | "too_large" | "too_many_calls" | "not_run";
  /** What happened, for the model. */
  message: string;
}

/** The result of a call: the text that the model gets, or the failure that it gets instead. */
export type ToolResult = { text: string; failure?: undefined } | { failure: ToolFailure; text?: undefined };

/** An event of a run. */
export type ToolEvent =
  /** A piece of an answer: text, reasoning, or tool calls, which arrive whole at the end. */
  | { type: "chunk"; chunk: ChatChunk }
  /** An answer is whole, the first one being of round 1. What calls it has, come next; else the run is over. */
  | { type: "answered"; round: number; answer: ChatCompletion }
  /** A call was started. */
  | { type: "started"; call: ToolCall }
  /** A call has come to its end, after so many milliseconds. Calls that were never started have no such event. */
  | { type: "finished"; call: ToolCall; result: ToolResult; elapsed: number };

/** The result of a run. */
export interface ToolOutput {
  /**
   * How it ended: the model called no tool (`answered`); it began to, but what it wrote could not be read or was cut (`unreadable`); it still called
   * tools after `limits.rounds` answers, and the last calls were not run (`round_limit`); a call failed, with `limits.stopOnFailure` (`tool_failed`).
   * `unfinished` in the `partial` of an error.
   */
  end: "answered" | "unreadable" | "round_limit" | "tool_failed" | "unfinished";
  /** The last answer; of a run that failed, what had arrived of it. */
  answer: ChatCompletion | undefined;
  /** The text of the last answer; empty if it has none. */
  text: string;
  /** The whole conversation, reasoning included, to be gone on with: every call in it is followed by its result. */
  messages: ChatMessage[];
  /** The number of answers. */
  rounds: number;
  /** The number of calls. */
  calls: number;
  /** The number of calls that failed, those that were not run included. */
  failures: number;
  /** Tokens and times of all rounds, added up, without rates; none if the server reported none. */
  usage: Partial<Usage> | undefined;
}

/**
 * Runs a conversation with tools. Awaiting it returns the result; iterating it returns the events. Nothing is sent before that. Reaching a limit
 * is not an error; errors have the result so far as `partial`.
 */
export function runTools(tabby: Tabby, request: ToolRequest, options?: CallOptions): ToolRun;

/** Adds the method `chat.runTools` to the client, and returns the client. */
export function withTools<T extends Tabby>(tabby: T): T & { readonly chat: Chat & ChatTools };

/** What `withTools` adds. */
export interface ChatTools {
  /** Runs a conversation with tools; see the function `runTools`. */
  runTools(request: ToolRequest, options?: CallOptions): ToolRun;
}

/** A run: a promise of its result, and an iterable of its events. */
export class ToolRun implements PromiseLike<ToolOutput>, AsyncIterable<ToolEvent> {
  protected constructor();
  /** The result so far. */
  readonly soFar: ToolOutput;
  /** Runs to the end, or waits until a loop has. */
  result(): Promise<ToolOutput>;
  /** Its events. Leaving the loop aborts the run. It has one reader: a second one is refused with code `stream_in_use`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ToolEvent>;
  then<Result1 = ToolOutput, Result2 = never>(
    resolve?: ((value: ToolOutput) => Result1 | PromiseLike<Result1>) | null,
    reject?: ((reason: any) => Result2 | PromiseLike<Result2>) | null,
  ): Promise<Result1 | Result2>;
  catch<Result = never>(reject?: ((reason: any) => Result | PromiseLike<Result>) | null): Promise<ToolOutput | Result>;
  finally(last?: (() => void) | null): Promise<ToolOutput>;
  /** Ends the generation and the running calls. Loops over the run end without an error. */
  abort(reason?: unknown): void;
}

/** The state machine of a run, which does no IO: for programs that send requests and run tools themselves. */
export class ToolLoop {
  /** Errors with code `misuse` if the request asks for several choices, or a tool cannot be used. */
  constructor(request: Omit<ToolRequest, "tools" | "limits">, tools: ToolRequest["tools"], limits?: ToolLimits);
  /** The number of answers so far. */
  readonly rounds: number;
  /** How long a call may take, in milliseconds. */
  readonly timeout: number;
  /** What to do next: send a request, run a call, wait for results (all are undefined), or nothing more. Each call is given once. */
  step(): { ask?: ChatRequest; index?: number; call?: ToolCall; end?: ToolOutput["end"] };
  /** Takes the answer to the request. */
  answer(answer: ChatCompletion): void;
  /** Takes the result of a call, by its index; returns it as the model gets it. */
  result(index: number, result: ToolResult): ToolResult;
  /** The result so far. */
  output(partial?: ChatCompletion): ToolOutput;
}
