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
  /** The name, which the model sees. */
  name: string;
  /** The description, which the model sees. The server requires one: by default the description of the parameters, or the words of the name. */
  description?: string | undefined;
  /** The schema of the arguments, an object: a Standard Schema, or a JSON schema. The arguments of the model are checked against it. None by default. */
  parameters?: S | undefined;
  /** The JSON schema to send for the parameters, if the library cannot convert `parameters`. */
  jsonSchema?: JsonSchema | undefined;
  /**
   * Runs the tool. The model receives a string unchanged, and any other result as JSON. If it throws, the model receives the message, which should
   * say how to correct the call and must not contain secrets.
   */
  run(args: OutputOf<S, T>, context: ToolContext): unknown;
}

/** The context of a call. */
export interface ToolContext {
  /** The call as the model made it. */
  readonly call: ToolCall;
  /** Aborts when the call takes too long, or the run ends before it. */
  readonly signal: web.Signal;
}

/** Returns the tool unchanged, with the types of its arguments. */
export function tool<S extends Schema, T = any>(given: Tool<S, T>): Tool<S, T>;

/** A request with tools. */
export interface ToolRequest extends Omit<ChatRequest, "tools" | "n"> {
  /**
   * The tools, as a list or by name. The list may contain plain definitions, which are not run: the model receives `unknown_tool` for their calls.
   * A constraint on the response (`response_format`, `json_schema`, a regex, a grammar) is sent only in a last round, once the model calls no
   * more tools.
   */
  tools: readonly (Tool | Definition)[] | Readonly<Record<string, Omit<Tool, "name">>>;
  /** The limits of the run. */
  limits?: ToolLimits | undefined;
}

/** The limits of a run. */
export interface ToolLimits {
  /** The maximum number of responses of the model, including the last one, from 1; 8 by default. */
  rounds?: number | undefined;
  /** The number of calls that run at a time, from 1; 4 by default. */
  parallel?: number | undefined;
  /** The maximum number of calls per response; 16 by default. The model receives `too_many_calls` for others. */
  calls?: number | undefined;
  /** The time limit of a call, in milliseconds; 60000 by default, `Infinity` for none. */
  timeout?: number | undefined;
  /** The largest result, in bytes of UTF-8; 65536 by default. */
  resultBytes?: number | undefined;
  /** Whether the first failure ends the run; false by default, so that the model receives the failure. */
  stopOnFailure?: boolean | undefined;
}

/** The failure that the model receives in place of a result, as JSON. */
export interface ToolFailure {
  /** The class of the failure. */
  error: "unknown_tool" | "bad_arguments" | "failed" | "timed_out" | "too_large" | "too_many_calls" | "not_run";
  /** What happened, for the model. */
  message: string;
}

/** The result of a call: the text for the model, or the failure. */
export type ToolResult = { text: string; failure?: undefined } | { failure: ToolFailure; text?: undefined };

/** An event of a run. */
export type ToolEvent =
  /** A piece of a response: text, reasoning, or tool calls, which arrive complete at the end. */
  | { type: "chunk"; chunk: ChatChunk }
  /** A response is complete; rounds are counted from 1. Its calls follow. Without calls, the run is over. */
  | { type: "answered"; round: number; answer: ChatCompletion }
  /** A call has started. */
  | { type: "started"; call: ToolCall }
  /** A call has ended, after this many milliseconds. Calls that were never started have no such event. */
  | { type: "finished"; call: ToolCall; result: ToolResult; elapsed: number };

/** The result of a run. */
export interface ToolOutput {
  /**
   * How the run ended: the model called no tool (`answered`); it began a call that was invalid or cut off (`unreadable`); it still called
   * tools after `limits.rounds` responses, and the last calls were not run (`round_limit`); a call failed, with `limits.stopOnFailure` (`tool_failed`).
   * `unfinished` in the `partial` of an error.
   */
  end: "answered" | "unreadable" | "round_limit" | "tool_failed" | "unfinished";
  /** The last response; if the run failed, the partial response. */
  answer: ChatCompletion | undefined;
  /** The text of the last response; empty if it has none. */
  text: string;
  /** The whole conversation, including reasoning. It can be continued: every call in it is followed by its result. */
  messages: ChatMessage[];
  /** The number of responses. */
  rounds: number;
  /** The number of calls. */
  calls: number;
  /** The number of calls that failed, including calls that were not run. */
  failures: number;
  /** The sum of the tokens and times of all rounds, without rates; undefined if the server reported none. */
  usage: Partial<Usage> | undefined;
}

/**
 * Runs a conversation with tools. Awaiting it returns the result; iterating it returns the events. Nothing is sent before that. Reaching a limit
 * is not an error; errors have the result so far as `partial`.
 */
export function runTools(tabby: Tabby, request: ToolRequest, options?: CallOptions): ToolRun;

/** Adds the method `chat.runTools` to the client, and returns the client. */
export function withTools<T extends Tabby>(tabby: T): T & { readonly chat: Chat & ChatTools };

/** The method that `withTools` adds. */
export interface ChatTools {
  /** Runs a conversation with tools; see the function `runTools`. */
  runTools(request: ToolRequest, options?: CallOptions): ToolRun;
}

/** A run: a promise of its result, and an iterable of its events. */
export class ToolRun implements PromiseLike<ToolOutput>, AsyncIterable<ToolEvent> {
  protected constructor();
  /** The result so far. */
  readonly soFar: ToolOutput;
  /** Runs to the end, or waits until a loop has done so. */
  result(): Promise<ToolOutput>;
  /** Iterates over the events. Leaving the loop aborts the run. A run has one reader: a second one is rejected with code `stream_in_use`. */
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

/** The state machine of a run, without IO: for programs that send requests and run tools themselves. */
export class ToolLoop {
  /** Throws with code `misuse` if the request asks for several choices, or a tool is invalid. */
  constructor(request: Omit<ToolRequest, "tools" | "limits">, tools: ToolRequest["tools"], limits?: ToolLimits);
  /** The number of responses so far. */
  readonly rounds: number;
  /** The time limit of a call, in milliseconds. */
  readonly timeout: number;
  /** Returns the next step: send a request, run a call, wait for results (all fields are undefined), or end. Each call is returned once. */
  step(): { ask?: ChatRequest; index?: number; call?: ToolCall; end?: ToolOutput["end"] };
  /** Takes the response to the request. */
  answer(answer: ChatCompletion): void;
  /** Takes the result of a call, by its index. Returns it as the model receives it. */
  result(index: number, result: ToolResult): ToolResult;
  /** Returns the result so far. */
  output(partial?: ChatCompletion): ToolOutput;
}
