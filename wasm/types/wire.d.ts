/**
 * The types of requests and responses: plain objects with the field names of the wire. Generated from `openapi.json` by `generate.mjs`; do not
 * edit. Responses also contain the fields that a server adds; `extraOf` of this package gives access to them. The services are at the end, with a
 * method for each operation; `index.d.ts` extends some of them.
 */
import type * as client from "./index.js";

/** An open set of words: servers may use others. */
export type Open<Words extends string> = Words | (string & {});

/** Accepts fields that this package does not declare. */
export interface Extra {
  /** Fields that are sent unchanged with the others. They replace fields of the same name. */
  extra_body?: Record<string, unknown> | undefined;
}

/** A text to continue, or several. */
export interface CompletionRequest extends Extra {
  /** The text. Choice `k` of prompt `p` has the index `p * n + k`. */
  prompt: Prompt;
  /**
   * The directory of another model. Ignored unless the server loads models inline, which requires the admin key. Otherwise its only effect
   * is that a missing model becomes an internal error.
   */
  model?: string | undefined;
  /** The number of choices for each prompt; from 1, default 1, no upper limit. */
  n?: number | undefined;
  /** The format of the output. `sampling.json_schema` is a shorter equivalent for schemas. */
  response_format?: ResponseFormat | undefined;
  /** How the response is delivered. Usage is requested if this is unset. */
  stream_options?: StreamOptions | undefined;
  /** The user. No effect on the server. */
  user?: string | undefined;
  /** No effect on the server. */
  best_of?: number | undefined;
  /** No effect on the server. */
  echo?: boolean | undefined;
  /** No effect on the server. */
  suffix?: string | undefined;
  /**
   * The maximum number of tokens to generate. Unset or 0 fills the context. A streamed completion fails without it. Above 1 the current
   * backend generates one token fewer than requested. Other names: `max_completion_tokens` (current servers), `max_length`.
   */
  max_tokens?: number | undefined;
  /**
   * The minimum number of tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other name:
   * `min_length`.
   */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output. They are not part of it. Text is held back as long as it may be the start of one of them.
   * None by default. Other name: `stop_sequence`.
   */
  stop?: (Stop | Stop[]) | undefined;
  /** Strings that the output must not contain; none by default. */
  banned_strings?: (string | string[]) | undefined;
  /** Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample; all by default. No effect on the current backend. Other name: `allowed_token_ids`. */
  allowed_tokens?: number[] | undefined;
  /** Whether the last token of the prompt is sampled again, so that it can merge with the output; default false. */
  token_healing?: boolean | undefined;
  /** 0 to 10, default 1; 0 is greedy. */
  temperature?: number | undefined;
  /** Whether temperature is applied after the other samplers; default false. */
  temperature_last?: boolean | undefined;
  /** From 0, default 0, which is off. No effect on the current backend. */
  smoothing_factor?: number | undefined;
  /** The number of most likely tokens to keep; from -1, default 0; 0 and -1 are off. */
  top_k?: number | undefined;
  /** The probability mass to keep; 0 to 1, default 1, which is off. */
  top_p?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  top_a?: number | undefined;
  /**
   * The minimum probability, as a fraction of that of the most likely token; 0 to 1, default 0, which is off. The server does not check the
   * range, and fails on other values.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other name: `typical_p`. */
  typical?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  skew?: number | undefined;
  /** The probability of removing the most likely tokens; 0 to 1, default 0, which is off. */
  xtc_probability?: number | undefined;
  /** The minimum probability of tokens that XTC may remove; 0 to 1, default 0.1. */
  xtc_threshold?: number | undefined;
  /** A penalty that grows with each occurrence of a token; from 0 (negative is rejected), default 0. */
  frequency_penalty?: number | undefined;
  /** A penalty for every token that occurred; from 0 (negative is rejected), default 0. */
  presence_penalty?: number | undefined;
  /** A factor for tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`. */
  repetition_penalty?: number | undefined;
  /**
   * The number of previous tokens that penalties consider; default -1, all of them. Other names: `repetition_range`,
   * `repetition_penalty_range`, `rep_pen_range`.
   */
  penalty_range?: number | undefined;
  /** The number of further tokens over which penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** The strength of the DRY penalty against repeated sequences; default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** The growth of DRY's penalty with the length of the repetition; default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** The length up to which repetitions have no DRY penalty; default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** The number of previous tokens that DRY considers; default 0. No effect on the current backend. Other name: `dry_penalty_last_n`. */
  dry_range?: number | undefined;
  /** Strings at which DRY restarts; none by default. No effect on the current backend. */
  dry_sequence_breakers?: (string | string[]) | undefined;
  /** Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 read as a separate flag. */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /** Whether the model's begin token is added to the prompt; the model's own setting by default. Chat ignores it: the template decides. */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`. */
  ban_eos_token?: boolean | undefined;
  /** Values to add to the logits of tokens, by id. Ids beyond the vocabulary are ignored. There is no range. */
  logit_bias?: {
    [key: string]: number;
  } | undefined;
  /** A JSON schema for the output: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: (JsonSchema | string) | undefined;
  /** A regular expression for the output. */
  regex_pattern?: string | undefined;
  /** A grammar for the output, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * The upper end of dynamic temperature; from 0, default 1. Below `min_temp` it is an internal error of the server. No effect on the
   * current backend. Other name: `dynatemp_high`.
   */
  max_temp?: number | undefined;
  /** The lower end of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`. */
  min_temp?: number | undefined;
  /** The exponent of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_exponent`. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported; default 0. Any number above 0 reports them, and above 1 it is also the number of alternatives.
   * More than the size of the vocabulary is an error.
   */
  logprobs?: number | undefined;
  /** The number of alternatives whose log probabilities are reported; default 0. Requires `logprobs`. */
  top_logprobs?: number | undefined;
  /** The target probability of adaptive sampling; default 1, which is off. */
  adaptive_target?: number | undefined;
  /** The decay of adaptive sampling; default 0.9. */
  adaptive_decay?: number | undefined;
  /** The number of repeated tokens after which the generation ends; from 0, default 800; 0 is off. */
  loop_detect_window?: number | undefined;
  /** The strength of guidance against `negative_prompt`; default 1, which is off. Supported by servers of 2025, ignored by current ones. */
  cfg_scale?: number | undefined;
  /** The text that `cfg_scale` guides away from. Supported by servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /** The number of tokens that are freed when the context is full; default 512. Supported by servers of 2025, ignored by current ones. */
  generate_window?: number | undefined;
  /** Whether special tokens are removed from the text; default true. Supported by servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Supported by servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** One text or several. The server does not accept token ids. */
export type Prompt = string | string[];

/**
 * The format of the output.
 *
 * The server silently ignores kinds that it does not know, including `json_object`, and invalid schemas. The output is then free text.
 */
export interface ResponseFormat {
  /** The kind (wire: `type`). */
  type: ResponseFormatType;
  /** The schema, for the type `json_schema`, plain or in OpenAI's wrapper `{"name", "schema"}`. */
  json_schema?: (JsonSchema | string) | undefined;
}

export type ResponseFormatType = "text" | "json" | "json_schema";

/**
 * Options for the delivery of a response.
 *
 * If a request has none, the library requests usage, streamed or not. In a stream the server then omits the `eos_reason` of the last
 * choice. Set empty options to keep it.
 */
export interface StreamOptions {
  /** Whether to report `Usage`; the server's default is false. Also applies to responses that are not streamed. */
  include_usage?: boolean | undefined;
}

/** A string or token that ends the output. */
export type Stop = string | number;

/** The response to a `CompletionRequest`. */
export interface Completion {
  /** The id of the response. */
  id: string;
  /** The choices, by index; `n` of them for each prompt. */
  choices: CompletionChoice[];
  /** The time of the response, in seconds since 1970. */
  created: number;
  /** The directory name of the model that generated the response, regardless of the requested model. */
  model: string;
  /** `text_completion`. */
  object: string;
  /** Token counts, if requested. */
  usage?: Usage | null;
}

/** One continuation of a text. */
export interface CompletionChoice {
  /** The index of the choice: the index of the prompt times `n`, plus the number of the continuation. */
  index: number;
  /** Why it ended. */
  finish_reason?: FinishReason | null;
  /** The precise reason. */
  eos_reason?: EosReason | null;
  /** Log probabilities, if requested. */
  logprobs?: CompletionLogprobs | null;
  /** The text. */
  text: string;
}

export type FinishReason = Open<"stop" | "length" | "tool_calls">;

export type EosReason = Open<"stop_token" | "stop_string" | "max_new_tokens" | "end_filter" | "loop_detected">;

/** Log probabilities of the tokens of a completion. The lists have the same length. */
export interface CompletionLogprobs {
  /** The texts of the tokens. */
  tokens: string[];
  /** The log probabilities. `None` if the server has no finite number, such as for a token of probability 0 that a grammar forced. */
  token_logprobs: (number | null)[];
  /**
   * For each token, the most likely ones at its position, by text. `None` if not requested. The server sends -1000 for a probability of 0.
   */
  top_logprobs: (LikelyTokens | null)[];
  /**
   * The offset of each token in the text, in characters. In a chunk of a stream it is relative to the chunk. After accumulation it is
   * relative to the text.
   */
  text_offset: number[];
}

/** Log probabilities by text. Null if the server has no finite number. */
export interface LikelyTokens {
  [key: string]: number | null;
}

/**
 * Tokens and times of one request. With several choices, the prompt values are those of the first choice and the completion tokens are
 * summed.
 */
export interface Usage {
  /** Tokens of the prompt. */
  prompt_tokens: number;
  /** Processing time of the prompt in seconds. */
  prompt_time?: number | null;
  /** Prompt tokens per second. */
  prompt_tokens_per_sec?: Rate | null;
  /** Generated tokens. */
  completion_tokens: number;
  /** Generation time in seconds. */
  completion_time?: number | null;
  /** Generated tokens per second. */
  completion_tokens_per_sec?: Rate | null;
  /** All tokens. */
  total_tokens: number;
  /** Total time of the request on the server in seconds, including waiting. */
  total_time?: number | null;
  /** Details of the prompt tokens, from servers that report them. */
  prompt_tokens_details?: PromptTokensDetails | null;
  /** Details of the generated tokens, from servers that report them. */
  completion_tokens_details?: CompletionTokensDetails | null;
}

/** A speed in tokens per second. The server sends `Indeterminate` if the time was too short to measure. */
export type Rate = number | string;

/** Details of the prompt tokens. */
export interface PromptTokensDetails {
  /** Tokens that were in the server's cache and took no time. */
  cached_tokens?: number | null;
}

/** Details of the generated tokens. */
export interface CompletionTokensDetails {
  /** Tokens that were predicted, for example by a draft model, and accepted. */
  accepted_prediction_tokens?: number | null;
  /** Tokens that were predicted and rejected. */
  rejected_prediction_tokens?: number | null;
}

/** One event of a streamed completion. The chunks of a stream share the memory of `id`, `object` and `model`. */
export interface CompletionChunk {
  /** The id of the response. */
  id: string;
  /** `text_completion`. */
  object: string;
  /** The new content, by choice. TabbyAPI sends one choice per chunk. */
  choices: CompletionChunkChoice[];
  /** The time of the response, in seconds since 1970. */
  created: number;
  /** Token counts, in the last chunk, if requested. */
  usage?: Usage | null;
  /** The directory name of the model (wire: `model_name`, or `model`). */
  model_name: string;
}

/** The new content of one choice. */
export interface CompletionChunkChoice {
  /** The index of the choice. Chunks of different choices are interleaved. */
  index: number;
  /** New text. */
  text: string;
  /** Why the choice ended, in its last chunk. */
  finish_reason?: FinishReason | null;
  /** The precise reason. If usage was requested, the server omits it for the choice that ends last. */
  eos_reason?: EosReason | null;
  /** Log probabilities of the tokens of `text`, if requested. */
  logprobs?: CompletionLogprobs | null;
}

/** A conversation to continue. */
export interface ChatRequest extends Extra {
  /** The conversation so far. Many templates reject an empty one. */
  messages: ChatMessage[];
  /**
   * The directory of another model. Ignored unless the server loads models inline, which requires the admin key. Otherwise its only effect
   * is that a missing model becomes an internal error.
   */
  model?: string | undefined;
  /** The number of choices; from 1, default 1, no upper limit. */
  n?: number | undefined;
  /** The functions that the model may call. */
  tools?: Tool[] | undefined;
  /** Which of the functions the model should call. */
  tool_choice?: ToolChoice | undefined;
  /** Whether the model may call several functions at once; default true. No effect on the current backend. */
  parallel_tool_calls?: boolean | undefined;
  /** Functions in OpenAI's older form, passed to the template. */
  functions?: JsonSchema[] | undefined;
  /** The format of the output. `sampling.json_schema` is a shorter equivalent for schemas. */
  response_format?: ResponseFormat | undefined;
  /** The reasoning effort, in the template's words, such as `low`. */
  reasoning_effort?: string | undefined;
  /** Whether the model should reason, for templates that support it. */
  enable_thinking?: boolean | undefined;
  /** The verbosity, for templates that support it. */
  verbosity?: string | undefined;
  /** All reasoning options in one object. The flat fields take precedence. */
  reasoning?: ReasoningOptions | undefined;
  /** The maximum number of reasoning tokens; negative is unset. No effect on the current backend. */
  reasoning_budget_tokens?: number | undefined;
  /** The text to insert when the reasoning budget ends. No effect on the current backend. */
  reasoning_budget_message?: string | undefined;
  /** The beginning of the response. It is appended to the prompt and not repeated in the output. */
  response_prefix?: string | undefined;
  /**
   * Whether to continue the last message instead of answering it; default false. Requires `add_generation_prompt(false)` and a last message
   * with text.
   */
  continue_final_message?: boolean | undefined;
  /** Whether the template ends with the start of a response; default true. */
  add_generation_prompt?: boolean | undefined;
  /** Variables for the template. They take precedence over `reasoning` and the flat fields. */
  template_vars?: {
    [key: string]: unknown;
  } | undefined;
  /** The name of another template. No effect on the current server. Switch templates with `POST /v1/template/switch`. */
  prompt_template?: string | undefined;
  /** How the response is delivered. Usage is requested if this is unset. */
  stream_options?: StreamOptions | undefined;
  /** The user. No effect on the server. */
  user?: string | undefined;
  /** No effect on the server. */
  best_of?: number | undefined;
  /** No effect on the server. */
  echo?: boolean | undefined;
  /** No effect on the server. */
  suffix?: string | undefined;
  /**
   * The maximum number of tokens to generate. Unset or 0 fills the context. A streamed completion fails without it. Above 1 the current
   * backend generates one token fewer than requested. Other names: `max_completion_tokens` (current servers), `max_length`.
   */
  max_tokens?: number | undefined;
  /**
   * The minimum number of tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other name:
   * `min_length`.
   */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output. They are not part of it. Text is held back as long as it may be the start of one of them.
   * None by default. Other name: `stop_sequence`.
   */
  stop?: (Stop | Stop[]) | undefined;
  /** Strings that the output must not contain; none by default. */
  banned_strings?: (string | string[]) | undefined;
  /** Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample; all by default. No effect on the current backend. Other name: `allowed_token_ids`. */
  allowed_tokens?: number[] | undefined;
  /** Whether the last token of the prompt is sampled again, so that it can merge with the output; default false. */
  token_healing?: boolean | undefined;
  /** 0 to 10, default 1; 0 is greedy. */
  temperature?: number | undefined;
  /** Whether temperature is applied after the other samplers; default false. */
  temperature_last?: boolean | undefined;
  /** From 0, default 0, which is off. No effect on the current backend. */
  smoothing_factor?: number | undefined;
  /** The number of most likely tokens to keep; from -1, default 0; 0 and -1 are off. */
  top_k?: number | undefined;
  /** The probability mass to keep; 0 to 1, default 1, which is off. */
  top_p?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  top_a?: number | undefined;
  /**
   * The minimum probability, as a fraction of that of the most likely token; 0 to 1, default 0, which is off. The server does not check the
   * range, and fails on other values.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other name: `typical_p`. */
  typical?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  skew?: number | undefined;
  /** The probability of removing the most likely tokens; 0 to 1, default 0, which is off. */
  xtc_probability?: number | undefined;
  /** The minimum probability of tokens that XTC may remove; 0 to 1, default 0.1. */
  xtc_threshold?: number | undefined;
  /** A penalty that grows with each occurrence of a token; from 0 (negative is rejected), default 0. */
  frequency_penalty?: number | undefined;
  /** A penalty for every token that occurred; from 0 (negative is rejected), default 0. */
  presence_penalty?: number | undefined;
  /** A factor for tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`. */
  repetition_penalty?: number | undefined;
  /**
   * The number of previous tokens that penalties consider; default -1, all of them. Other names: `repetition_range`,
   * `repetition_penalty_range`, `rep_pen_range`.
   */
  penalty_range?: number | undefined;
  /** The number of further tokens over which penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** The strength of the DRY penalty against repeated sequences; default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** The growth of DRY's penalty with the length of the repetition; default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** The length up to which repetitions have no DRY penalty; default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** The number of previous tokens that DRY considers; default 0. No effect on the current backend. Other name: `dry_penalty_last_n`. */
  dry_range?: number | undefined;
  /** Strings at which DRY restarts; none by default. No effect on the current backend. */
  dry_sequence_breakers?: (string | string[]) | undefined;
  /** Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 read as a separate flag. */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /** Whether the model's begin token is added to the prompt; the model's own setting by default. Chat ignores it: the template decides. */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`. */
  ban_eos_token?: boolean | undefined;
  /** Values to add to the logits of tokens, by id. Ids beyond the vocabulary are ignored. There is no range. */
  logit_bias?: {
    [key: string]: number;
  } | undefined;
  /** A JSON schema for the output: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: (JsonSchema | string) | undefined;
  /** A regular expression for the output. */
  regex_pattern?: string | undefined;
  /** A grammar for the output, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * The upper end of dynamic temperature; from 0, default 1. Below `min_temp` it is an internal error of the server. No effect on the
   * current backend. Other name: `dynatemp_high`.
   */
  max_temp?: number | undefined;
  /** The lower end of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`. */
  min_temp?: number | undefined;
  /** The exponent of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_exponent`. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported; default 0. Any number above 0 reports them, and above 1 it is also the number of alternatives.
   * More than the size of the vocabulary is an error.
   */
  logprobs?: number | undefined;
  /** The number of alternatives whose log probabilities are reported; default 0. Requires `logprobs`. */
  top_logprobs?: number | undefined;
  /** The target probability of adaptive sampling; default 1, which is off. */
  adaptive_target?: number | undefined;
  /** The decay of adaptive sampling; default 0.9. */
  adaptive_decay?: number | undefined;
  /** The number of repeated tokens after which the generation ends; from 0, default 800; 0 is off. */
  loop_detect_window?: number | undefined;
  /** The strength of guidance against `negative_prompt`; default 1, which is off. Supported by servers of 2025, ignored by current ones. */
  cfg_scale?: number | undefined;
  /** The text that `cfg_scale` guides away from. Supported by servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /** The number of tokens that are freed when the context is full; default 512. Supported by servers of 2025, ignored by current ones. */
  generate_window?: number | undefined;
  /** Whether special tokens are removed from the text; default true. Supported by servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Supported by servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** One message of a conversation. The message of a response can be sent in the next request unchanged. */
export interface ChatMessage {
  /** The role. The server accepts any string; the chat template interprets it. */
  role: Role;
  /** The content. A response without content, such as one with only tool calls, has none. */
  content?: (Content | null) | undefined;
  /** The reasoning of the model, if the server separates it. In responses `reasoning` is read as well. */
  reasoning_content?: (string | null) | undefined;
  /** The tool calls of the model. */
  tool_calls?: (ToolCall[] | null) | undefined;
  /** The id of the tool call that this message answers. */
  tool_call_id?: (string | null) | undefined;
  /** The name of the author, for templates that use it; the current server drops it. */
  name?: (string | null) | undefined;
}

export type Role = "system" | "developer" | "user" | "assistant" | "tool" | "function";

/** The content of a message. */
export type Content = string | ContentPart[];

/** A part of a message. If the model was loaded without vision, the server drops images silently. */
export type ContentPart = {
  type: "text";
  /** The text. */
  text: string;
} | {
  type: "image_url";
  /** The address of the image, or the image itself. */
  image_url: ImageUrl;
};

/** The image of a message part. */
export interface ImageUrl {
  /** An address, or `data:image/TYPE;base64,…`. */
  url: string;
}

/** One tool call. */
export interface ToolCall {
  /** The id of the call, which its result refers to. The server generates one if it is empty in a request. */
  id?: string | undefined;
  /** The kind (wire: `type`). */
  type: ToolKind;
  /** The function and its arguments. */
  function: FunctionCall;
  /** The index of the call among the calls of a response. */
  index?: (number | null) | undefined;
}

export type ToolKind = "function";

/** The function of a `ToolCall`. */
export interface FunctionCall {
  /** The name. */
  name: string;
  /** The arguments as JSON text, as the server requires. Objects from other servers are converted. */
  arguments: string;
}

/** A tool that the model may call. */
export interface Tool {
  /** The kind (wire: `type`). */
  type: ToolKind;
  /** The function. */
  function: Function;
}

/** A function that the model may call. */
export interface Function {
  /** The name. */
  name: string;
  /** The description. Required by the server. */
  description: string;
  /** A JSON schema of the arguments, which must be an object. Required by the server. */
  parameters: JsonSchema;
}

/**
 * Which tools the model should call. Only `none` has an effect on the server: the text of tool calls then stays in the content. The others
 * are only passed to the template.
 */
export type ToolChoice = ("none" | "auto" | "required") | {
  type: ToolKind;
  function: NamedFunction;
};

/** The function to call. */
export interface NamedFunction {
  /** The name. */
  name: string;
}

/** Reasoning options. The flat fields of `ChatRequest` take precedence. */
export interface ReasoningOptions {
  /** The reasoning effort, in the template's words. */
  effort?: string | undefined;
  /** Whether the model should reason. */
  enabled?: boolean | undefined;
  /** The maximum number of reasoning tokens; negative is unset. */
  max_tokens?: number | undefined;
}

/** The response to a `ChatRequest`. */
export interface ChatCompletion {
  /** The id of the response. */
  id: string;
  /** The choices, by index; `n` of them. */
  choices: ChatChoice[];
  /** The time of the response, in seconds since 1970. */
  created: number;
  /** The directory name of the model that generated the response, regardless of the requested model. */
  model: string;
  /** `chat.completion`. */
  object: string;
  /** Token counts, if requested. */
  usage?: Usage | null;
}

/** One of the generated messages. */
export interface ChatChoice {
  /** The index of the choice. */
  index: number;
  /** Why it ended. */
  finish_reason?: FinishReason | null;
  /** The precise reason. */
  eos_reason?: EosReason | null;
  /** The stop string that ended it. Not sent in streams. */
  stop_str?: string | null;
  /** The generated message. */
  message: ChatMessage & { content?: string | null };
  /** Log probabilities, if requested. */
  logprobs?: ChatLogprobs | null;
}

/** Log probabilities of a choice's content. */
export interface ChatLogprobs {
  /** The tokens of the content. In a stream, reasoning and tool calls have no log probabilities. */
  content: TokenLogprob[];
}

/** The log probability of one token. */
export interface TokenLogprob {
  /** The text of the token. `�` if it is a part of a character. */
  token: string;
  /** The token id. */
  token_id?: number | null;
  /** The log probability. `None` if the server has no finite number, such as for a token of probability 0 that a grammar forced. */
  logprob: number | null;
  /** The most likely tokens at this position, possibly including this one, if requested. */
  top_logprobs: TopLogprob[];
}

/** One of the most likely tokens at a position. */
export interface TopLogprob {
  /** The text of the token. */
  token: string;
  /** The token id. */
  token_id?: number | null;
  /** The log probability. The server sends -1000 for a probability of 0. `None` if it is not a finite number. */
  logprob: number | null;
}

/** One event of a streamed response. The chunks of a stream share the memory of `id`, `object` and `model`. */
export interface ChatChunk {
  /** The id of the response. */
  id: string;
  /** `chat.completion.chunk`. */
  object: string;
  /** The time of the response, in seconds since 1970. */
  created: number;
  /** The new content, by choice. TabbyAPI sends one choice per chunk. */
  choices: ChunkChoice[];
  /** Token counts, in the last chunk, if requested. */
  usage?: Usage | null;
  /** The directory name of the model. */
  model: string;
}

/** The new content of one choice. */
export interface ChunkChoice {
  /** The index of the choice. Chunks of different choices are interleaved. */
  index: number;
  /** The new content. */
  delta: Delta;
  /** Why the choice ended, in its last chunk. */
  finish_reason?: FinishReason | null;
  /** The precise reason. If usage was requested, the server omits it for the choice that ends last. */
  eos_reason?: EosReason | null;
  /** The stop string that ended it. Only present if the server answered without streaming. */
  stop_str?: string | null;
  /** Log probabilities of the tokens of `delta.content`, if requested. */
  logprobs?: ChatLogprobs | null;
}

/** A part of a message. */
export interface Delta {
  /** The role. TabbyAPI does not send it; the role is the assistant. */
  role?: Role | null;
  /** New text. */
  content?: string | null;
  /** New reasoning (wire: `reasoning_content`, or `reasoning`). */
  reasoning_content?: string | null;
  /** Tool calls, or parts of them. TabbyAPI sends complete calls in the last chunk with content. */
  tool_calls?: ToolCallDelta[];
}

/** A tool call, or a part of one. */
export interface ToolCallDelta {
  /** The id of the call. */
  id?: string | null;
  /** The index of the call among the calls of the choice. */
  index?: number | null;
  /** The kind (wire: `type`). */
  type?: ToolKind | null;
  /** The function and its arguments. */
  function: FunctionDelta;
}

/** The function of a tool call, or a part of it. */
export interface FunctionDelta {
  /** The name. */
  name?: string | null;
  /** The arguments as JSON text, or a part of it. */
  arguments?: string | null;
}

/** Texts to embed. */
export interface EmbeddingsRequest extends Extra {
  /** The texts; at least one. The server does not accept token ids. */
  input: string | string[];
  /** The encoding of the vectors; decimals by default. Base64 has the same values in a quarter of the size. */
  encoding_format?: EncodingFormat | undefined;
  /** Ignored by the server, which uses the loaded embedding model. */
  model?: string | undefined;
}

export type EncodingFormat = "float" | "base64";

/** The vectors of texts. */
export interface EmbeddingList {
  /** One vector per text, in order. */
  data: Embedding[];
  /** The model. */
  model: string;
  /** `list`. */
  object?: string;
  /** Usage. The server counts **characters** here, although the names say tokens. */
  usage?: Usage | null;
}

/** The vector of one text. */
export interface Embedding {
  /** The vector, decoded from either encoding. */
  embedding: number[] | string;
  /** The index of its text in the request. */
  index: number;
  /** `embedding`. */
  object?: string;
}

/** A list of models. */
export interface ModelList {
  /** The models, in no particular order. Dummy names come first if the server has any. */
  data: ModelCard[];
}

/** A model. */
export interface ModelCard {
  /** The name of its directory, without the path to it. */
  id: string;
  /** The time of the response, in seconds since 1970 (not the age of the model). */
  created: number;
  /** `tabbyAPI`. */
  owned_by: string;
  /** The load parameters. `None` in lists. */
  parameters?: ModelParameters | null;
  /** The logging settings of the server, from servers that report them. */
  logging?: unknown;
}

/** The parameters of a loaded model. */
export interface ModelParameters {
  /** The context size, in tokens. */
  max_seq_len?: number | null;
  /** The size of the cache, in tokens. */
  cache_size?: number | null;
  /** The quantization of the cache, as requested. Unknown modes are reported here although `FP16` is used. */
  cache_mode?: string | null;
  /** Linear RoPE scaling. */
  rope_scale?: number | null;
  /** NTK RoPE scaling. */
  rope_alpha?: number | null;
  /** The maximum number of concurrent generations. */
  max_batch_size?: number | null;
  /** The number of prompt tokens processed at once. */
  chunk_size?: number | null;
  /** The name of the chat template. */
  prompt_template?: string | null;
  /** The chat template itself, in Jinja. */
  prompt_template_content?: string | null;
  /** Whether the model accepts images. Otherwise the server silently drops image parts. */
  use_vision?: boolean | null;
  /** The draft model. Current servers omit it even if there is one. */
  draft?: ModelCard | null;
}

/** Properties of the loaded model. */
export interface ModelProps {
  /** The maximum number of concurrent generations. */
  total_slots?: number | null;
  /** The chat template, in Jinja. Empty if there is none. */
  chat_template: string;
  /** The settings for generation. */
  default_generation_settings: GenerationSettings;
}

/** Settings for generation. */
export interface GenerationSettings {
  /** The context size, in tokens. */
  n_ctx?: number | null;
}

/**
 * Which model to load, and how. Unset parameters come from the server's configuration. The `tabby_config.yml` in the model folder takes
 * precedence over both.
 */
export interface LoadRequest extends Extra {
  /** The directory under the server's model directory. May contain slashes. Empty or missing directories are rejected with 400. */
  model_name: string;
  /** The backend, such as `exllamav3`; detected by default. Unknown backends end in an error event. */
  backend?: string | undefined;
  /** The context size, in tokens; -1 means the model's own. */
  max_seq_len?: number | undefined;
  /** The size of the cache, in tokens; a multiple of 256, which is checked only while loading. */
  cache_size?: number | undefined;
  /**
   * The quantization of the cache: `FP16` (default), `Q8`, `Q6`, `Q4`, or bits of keys and values such as `5,4` (2 to 8). Other values
   * silently mean `FP16`.
   */
  cache_mode?: string | undefined;
  /** Whether to split each layer over the GPUs. */
  tensor_parallel?: boolean | undefined;
  /** The communication backend of tensor parallelism: `native` (default) or `nccl`. */
  tensor_parallel_backend?: string | undefined;
  /** Whether to fill the GPUs one after another. */
  gpu_split_auto?: boolean | undefined;
  /** Memory to leave free on each GPU with `gpu_split_auto`, in MB. */
  autosplit_reserve?: number[] | undefined;
  /** Memory to use on each GPU, in GB; empty by default. */
  gpu_split?: number[] | undefined;
  /** Linear RoPE scaling; the model's own by default. */
  rope_scale?: number | undefined;
  /** NTK RoPE scaling; automatic by default. */
  rope_alpha?: RopeAlpha | undefined;
  /** The number of prompt tokens to process at once. */
  chunk_size?: number | undefined;
  /** Whether to collect output in chunks; true by default. */
  output_chunking?: boolean | undefined;
  /** The name of a chat template on the server, with or without `.jinja`; by default the model's own. */
  prompt_template?: string | undefined;
  /** Whether to load the vision part, if the model has one. */
  vision?: boolean | undefined;
  /** The draft model for speculative decoding. */
  draft_model?: DraftModel | undefined;
  /** Has no effect on current servers: a load always waits for running generations. */
  skip_queue?: boolean | undefined;
}

/** NTK RoPE scaling: a number, or automatic by the context size. */
export type RopeAlpha = number | string;

/** Which draft model to load as well, and how. */
export interface DraftModel {
  /** The directory under the server's draft model directory. */
  draft_model_name: string;
  /** Linear RoPE scaling; the model's own by default. */
  draft_rope_scale?: number | undefined;
  /** NTK RoPE scaling; automatic by default. */
  draft_rope_alpha?: RopeAlpha | undefined;
  /** Memory to use on each GPU, in GB; empty by default. */
  draft_gpu_split?: number[] | undefined;
}

/** One event of a load: the progress of one part of the model. */
export interface LoadProgress {
  /** The part that is being loaded. */
  model_type: ModelType;
  /** The number of loaded modules. */
  module: number;
  /** The total number of modules. */
  modules: number;
  /** Whether the part is complete. A complete `model` is not usable before the stream has ended. */
  status: LoadStatus;
}

export type ModelType = Open<"vision" | "draft" | "model" | "embedding_model">;

export type LoadStatus = Open<"processing" | "finished">;

/** What to download from the Hugging Face hub, and to which directory. */
export interface DownloadRequest extends Extra {
  /** The repository, as `namespace/name`. */
  repo_id: string;
  /** The type of the repository, which determines the directory; a model by default. */
  repo_type?: RepoType | undefined;
  /** The name of the new directory; the repository's name by default. An existing directory is rejected. */
  folder_name?: string | undefined;
  /** The branch, tag or commit; by default the main branch. */
  revision?: string | undefined;
  /** The token for private repositories; by default the server's own. */
  token?: HubToken | undefined;
  /** Patterns of the files to download, such as `*.safetensors`; all by default. */
  include?: (string | string[]) | undefined;
  /** Patterns of the files to skip; none by default. */
  exclude?: (string | string[]) | undefined;
  /** The number of parallel requests per file; set by the server by default. */
  chunk_limit?: number | undefined;
  /** The time limit of the download on the server, in seconds; none by default. Exceeding it is an error with code `download_timeout`. */
  timeout?: number | undefined;
}

export type RepoType = Open<"model" | "lora">;

/** A token of the Hugging Face hub. `Debug` does not print it. Wiped on drop. */
export type HubToken = string;

/** The location of a download. */
export interface Downloaded {
  /** The directory, relative to the server's own, such as `models/thing-exl3`. */
  download_path: string;
}

/** Which embedding model to load, and on which device. */
export interface EmbeddingLoadRequest extends Extra {
  /** The directory under the server's directory of embedding models. */
  embedding_model_name: string;
  /** The device: `cpu` (default), `auto`, or one of torch's, such as `cuda`. */
  embeddings_device?: string | undefined;
}

/** A list of LoRAs. */
export interface LoraList {
  /** The LoRAs, in no particular order. */
  data: LoraCard[];
}

/** A LoRA. */
export interface LoraCard {
  /** The name of its directory. */
  id: string;
  /** The time of the response, in seconds since 1970 (not the age of the LoRA). */
  created: number;
  /** `tabbyAPI`. */
  owned_by: string;
  /** The scaling, for active ones. */
  scaling?: number | null;
}

/** Which LoRAs to load. */
export interface LoraLoadRequest extends Extra {
  /** The LoRAs. The server rejects an empty list with code `nothing_named`. */
  loras: LoraLoad[];
  /** Whether not to wait for running generations; default false. Has no effect on current servers. */
  skip_queue?: boolean | undefined;
}

/** A LoRA to load. */
export interface LoraLoad {
  /** The directory under the server's directory of LoRAs. */
  name: string;
  /** The scaling; default 1. */
  scaling?: number | undefined;
}

/** The result of loading LoRAs. */
export interface LoraReport {
  /** The names of the active ones. */
  success: string[];
  /** The names of those that could not be loaded. On current servers all of them. */
  failure: string[];
}

/** A list of templates. */
export interface TemplateList {
  /** The names, without `.jinja`. */
  data: string[];
}

/** The chat template to switch to. */
export interface SwitchTemplate extends Extra {
  /** The name of the template, with or without `.jinja` (wire: `prompt_template_name`). */
  prompt_template_name: string;
}

/** A text or a conversation to encode. */
export interface EncodeRequest extends Extra {
  /** The input. A conversation is rendered by the chat template, without the start of a response. */
  text: EncodeInput;
  /** Whether the model's begin token is prepended, if it has one; default true. */
  add_bos_token?: boolean | undefined;
  /**
   * Whether the texts of special tokens, such as `<|im_end|>`, are encoded as those tokens; default true. Models whose vocabulary contains
   * them as ordinary tokens always do so.
   */
  encode_special_tokens?: boolean | undefined;
  /** No effect on encoding; default true. */
  decode_special_tokens?: boolean | undefined;
  /** Variables for the chat template. Not supported by servers of 2025. */
  template_vars?: {
    [key: string]: unknown;
  } | undefined;
}

/** The input of an encoding. */
export type EncodeInput = string | ChatMessage[];

/** The tokens of a text or a conversation. */
export interface Encoded {
  /** The token ids. Ids from 1 000 000 000 on are parts of images, and are valid only in this response. */
  tokens: number[];
  /** The number of tokens. */
  length: number;
}

/**
 * Tokens to decode.
 *
 * Ids are not negative, because the server fails on those. It skips ids that the model does not have.
 */
export interface DecodeRequest extends Extra {
  /** The ids of the tokens. */
  tokens: number[];
  /** Whether special tokens, such as `<|im_end|>`, appear as text; default true. */
  decode_special_tokens?: boolean | undefined;
  /** No effect on decoding; default true. */
  encode_special_tokens?: boolean | undefined;
  /** No effect on decoding; default true. */
  add_bos_token?: boolean | undefined;
}

/** The text of tokens. */
export interface Decoded {
  /** The text. */
  text: string;
}

/** A text or a conversation whose tokens are counted. */
export type CountTokens = EncodeRequest;

/** The number of tokens of a text or a conversation. */
export interface TokenCount {
  /** The number of tokens. */
  length: number;
}

/** The active overrides, and the available presets. */
export interface OverrideList {
  /** The preset that was activated last. Not reset when other overrides are set or all are removed. */
  selected_preset?: string | null;
  /** The active overrides, by field. */
  overrides: AppliedOverrides;
  /** The names of all presets; empty for an API key. */
  presets: string[];
}

export interface AppliedOverrides {
  [key: string]: SamplerOverride;
}

/** The override of one sampler parameter. */
export interface SamplerOverride {
  /** The value (wire: `override`). Without `force` and `additive` it applies where a request leaves the field unset. */
  override: unknown;
  /** Whether it replaces the value of the request; false by default. */
  force?: (boolean | null) | undefined;
  /** Whether it is appended to the list of the request; false by default. `force` takes precedence. */
  additive?: (boolean | null) | undefined;
}

/** The preset to switch to. */
export interface SwitchPreset extends Extra {
  /** The name of the preset, without `.yml`. */
  preset: string;
}

/** Overrides of sampling parameters to set. */
export interface SetOverrides extends Extra {
  /** The overrides, by sampler parameter. */
  overrides: Overrides;
}

/**
 * Overrides to set, built from sampler parameters so that names and types are correct.
 *
 * The server accepts any value as an override, and then fails on every generation if one is a bare value, such as `{"top_p": 0.5}`. This
 * type cannot represent those.
 */
export interface Overrides {
  [key: string]: SamplerOverride;
}

/** The server's view of its own health. */
export interface HealthReport {
  /** The state. */
  status: HealthStatus;
  /** The errors since the server started; at most the last 100. */
  issues: HealthIssue[];
}

export type HealthStatus = Open<"healthy" | "unhealthy">;

/** An error that occurred on the server. */
export interface HealthIssue {
  /** The time, in UTC as RFC 3339. */
  time: string;
  /** A description of the error. */
  description: string;
}

/** The description of the server. */
export interface ServiceInfo {
  /** The version of this document, such as 0.1. */
  version: number | null;
  /** The software of the server. */
  software: Software;
  /** The APIs by name: `openai`, and `koboldai`, which is listed even if it is not enabled. */
  api: {
    [key: string]: ApiInfo;
  };
}

/** The software of the server. */
export interface Software {
  /** The name, `TabbyAPI`. */
  name: string;
  /** The address of the source code. */
  repository?: string | null;
  /** The home page. */
  homepage?: string | null;
}

/** One API of the server. */
export interface ApiInfo {
  /** The name, such as `OpenAI API`. */
  name: string;
  /** The path under the server's address, such as `/v1`. */
  relative_url?: string | null;
  /** The address of the documentation. */
  documentation?: string | null;
  /** The version, such as 1. */
  version?: number | null;
}

/** The permission of a key. */
export interface PermissionResponse {
  /** The permission. */
  permission: Permission;
}

export type Permission = Open<"api" | "admin">;

/**
 * A text to continue, for the KoboldAI API.
 *
 * The sampler parameters have TabbyAPI's names, which these routes accept too. KoboldAI's names (`max_length`, `rep_pen`, …) can be sent as
 * `extra`.
 */
export interface KoboldRequest extends Extra {
  /** The text. */
  prompt: string;
  /** A key of your choice for this generation, which `abort` and `check` use. It must be unique among running generations. */
  genkey?: string | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. */
  use_default_badwordsids?: boolean | undefined;
  /** If above 0, dynamic temperature ranges from `temperature` minus this to `temperature` plus this. No effect on the current backend. */
  dynatemp_range?: number | undefined;
  /**
   * The maximum number of tokens to generate. Unset or 0 fills the context. A streamed completion fails without it. Above 1 the current
   * backend generates one token fewer than requested. Other names: `max_completion_tokens` (current servers), `max_length`.
   */
  max_tokens?: number | undefined;
  /**
   * The minimum number of tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other name:
   * `min_length`.
   */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output. They are not part of it. Text is held back as long as it may be the start of one of them.
   * None by default. Other name: `stop_sequence`.
   */
  stop?: (Stop | Stop[]) | undefined;
  /** Strings that the output must not contain; none by default. */
  banned_strings?: (string | string[]) | undefined;
  /** Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample; all by default. No effect on the current backend. Other name: `allowed_token_ids`. */
  allowed_tokens?: number[] | undefined;
  /** Whether the last token of the prompt is sampled again, so that it can merge with the output; default false. */
  token_healing?: boolean | undefined;
  /** 0 to 10, default 1; 0 is greedy. */
  temperature?: number | undefined;
  /** Whether temperature is applied after the other samplers; default false. */
  temperature_last?: boolean | undefined;
  /** From 0, default 0, which is off. No effect on the current backend. */
  smoothing_factor?: number | undefined;
  /** The number of most likely tokens to keep; from -1, default 0; 0 and -1 are off. */
  top_k?: number | undefined;
  /** The probability mass to keep; 0 to 1, default 1, which is off. */
  top_p?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  top_a?: number | undefined;
  /**
   * The minimum probability, as a fraction of that of the most likely token; 0 to 1, default 0, which is off. The server does not check the
   * range, and fails on other values.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other name: `typical_p`. */
  typical?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  skew?: number | undefined;
  /** The probability of removing the most likely tokens; 0 to 1, default 0, which is off. */
  xtc_probability?: number | undefined;
  /** The minimum probability of tokens that XTC may remove; 0 to 1, default 0.1. */
  xtc_threshold?: number | undefined;
  /** A penalty that grows with each occurrence of a token; from 0 (negative is rejected), default 0. */
  frequency_penalty?: number | undefined;
  /** A penalty for every token that occurred; from 0 (negative is rejected), default 0. */
  presence_penalty?: number | undefined;
  /** A factor for tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`. */
  repetition_penalty?: number | undefined;
  /**
   * The number of previous tokens that penalties consider; default -1, all of them. Other names: `repetition_range`,
   * `repetition_penalty_range`, `rep_pen_range`.
   */
  penalty_range?: number | undefined;
  /** The number of further tokens over which penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** The strength of the DRY penalty against repeated sequences; default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** The growth of DRY's penalty with the length of the repetition; default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** The length up to which repetitions have no DRY penalty; default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** The number of previous tokens that DRY considers; default 0. No effect on the current backend. Other name: `dry_penalty_last_n`. */
  dry_range?: number | undefined;
  /** Strings at which DRY restarts; none by default. No effect on the current backend. */
  dry_sequence_breakers?: (string | string[]) | undefined;
  /** Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 read as a separate flag. */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /** Whether the model's begin token is added to the prompt; the model's own setting by default. Chat ignores it: the template decides. */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`. */
  ban_eos_token?: boolean | undefined;
  /** Values to add to the logits of tokens, by id. Ids beyond the vocabulary are ignored. There is no range. */
  logit_bias?: {
    [key: string]: number;
  } | undefined;
  /** A JSON schema for the output: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: (JsonSchema | string) | undefined;
  /** A regular expression for the output. */
  regex_pattern?: string | undefined;
  /** A grammar for the output, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * The upper end of dynamic temperature; from 0, default 1. Below `min_temp` it is an internal error of the server. No effect on the
   * current backend. Other name: `dynatemp_high`.
   */
  max_temp?: number | undefined;
  /** The lower end of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`. */
  min_temp?: number | undefined;
  /** The exponent of dynamic temperature; from 0, default 1. No effect on the current backend. Other name: `dynatemp_exponent`. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported; default 0. Any number above 0 reports them, and above 1 it is also the number of alternatives.
   * More than the size of the vocabulary is an error.
   */
  logprobs?: number | undefined;
  /** The number of alternatives whose log probabilities are reported; default 0. Requires `logprobs`. */
  top_logprobs?: number | undefined;
  /** The target probability of adaptive sampling; default 1, which is off. */
  adaptive_target?: number | undefined;
  /** The decay of adaptive sampling; default 0.9. */
  adaptive_decay?: number | undefined;
  /** The number of repeated tokens after which the generation ends; from 0, default 800; 0 is off. */
  loop_detect_window?: number | undefined;
  /** The strength of guidance against `negative_prompt`; default 1, which is off. Supported by servers of 2025, ignored by current ones. */
  cfg_scale?: number | undefined;
  /** The text that `cfg_scale` guides away from. Supported by servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /** The number of tokens that are freed when the context is full; default 512. Supported by servers of 2025, ignored by current ones. */
  generate_window?: number | undefined;
  /** Whether special tokens are removed from the text; default true. Supported by servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Supported by servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** Generated texts. */
export interface KoboldResults {
  /** The texts: one, or none if nothing has been generated yet. */
  results: KoboldResult[];
}

/** A generated text. */
export interface KoboldResult {
  /** The text. */
  text: string;
}

/** One event of a stream: the next part of the text. */
export interface KoboldToken {
  /** The text: one token or several. */
  token: string;
}

/** The generation to end. */
export interface KoboldAbort extends Extra {
  /** The key that the generation was started with. */
  genkey: string;
}

/** The result of an abort. */
export interface KoboldAborted {
  /** Always true on this server. */
  success: boolean;
}

/** The generation to read. */
export interface KoboldCheck extends Extra {
  /** The key that the generation was started with. */
  genkey: string;
}

/** The loaded model. */
export interface KoboldModel {
  /** Its owner and name, such as `tabbyAPI/alpha-7B-exl3`. */
  result: string;
}

/** A text whose tokens are counted. */
export interface KoboldCountTokens extends Extra {
  /** The text. */
  prompt: string;
}

/** The tokens of a text. */
export interface KoboldTokenCount {
  /** The number of tokens. */
  value: number;
  /** The token ids. */
  ids: number[];
}

/** A number of tokens. */
export interface KoboldLength {
  /** The number. Servers may omit it. */
  value?: number | null;
}

/** The version that the server reports. */
export interface KoboldVersion {
  /** The version, such as `1.2.5`; or the software, such as `KoboldCpp`. */
  result: string;
  /** The version of the software. */
  version?: string | null;
}

/** The available soft prompts. */
export interface KoboldSoftPrompts {
  /** The soft prompts. */
  values: unknown[];
}

/** The soft prompt in use. */
export interface KoboldSoftPrompt {
  /** The name. Empty if there is none. */
  value: string;
}

/** The soft prompt to use. */
export interface SetKoboldSoftPrompt extends Extra {
  /** The name of the soft prompt. */
  value: string;
}

/** A JSON schema. */
export interface JsonSchema {
  [key: string]: unknown;
}

/** An error in words. */
export interface Detail {
  /** What is wrong. */
  detail: string;
}

/** What is wrong with a request, field by field. `input` may be as large as the request, and holds prompts. */
export interface ValidationErrors {
  detail: {
    /** The kind of fault. */
    type: Open<"missing" | "greater_than_equal">;
    /** The path of the field, from `body` on. */
    loc: (string | number)[];
    /** What is wrong. */
    msg: string;
    /** What was sent there. */
    input?: unknown;
    /** The limits that were not kept. */
    ctx?: Record<string, never>;
  }[];
}

/** An error as OpenAI writes it. */
export interface ErrorObject {
  error: {
    /** What is wrong. */
    message: string;
    type?: Open<"invalid_request_error">;
    param?: string | null;
    code?: string | number | null;
  };
}

/** An error inside a stream, whose status is 200 nevertheless. It is the last event, and no `[DONE]` follows. */
export interface StreamError {
  error: {
    /** What went wrong. */
    message: string;
    /** A Python traceback, if the server runs with `send_tracebacks: true`. */
    trace?: string | null;
    type?: string;
    param?: string | null;
    code?: string | number | null;
  };
}

/** The services of a client. */
export default interface Services {
  /** Text completions. */
  readonly completions: client.Completions;
  /** Conversations. */
  readonly chat: client.Chat;
  /** Embedding vectors of texts. */
  readonly embeddings: client.Embeddings;
  /** Models, which are listed, loaded, unloaded and downloaded. */
  readonly models: client.Models;
  /** Embedding models. One can be loaded in addition to the model that generates text. */
  readonly embeddingModels: client.EmbeddingModels;
  /** LoRAs. */
  readonly loras: client.Loras;
  /** Chat templates, which turn conversations into prompts. */
  readonly templates: client.Templates;
  /** Tokens of the loaded model. */
  readonly tokens: client.Tokens;
  /** Sampler overrides. They apply to the requests of every client of the server. */
  readonly sampling: client.Sampling;
  /** Health of the server. */
  readonly health: client.Health;
  /** What a key may do. */
  readonly auth: client.Auth;
  /** The KoboldAI API. */
  readonly kobold: client.Kobold;
}

/** Text completions. */
export interface Completions {
  /**
   * Generates a continuation of the prompt, and returns it whole.
   *
   * Requests usage, unless the request sets `stream_options`.
   *
   * Errors:
   *
   * * `context_length_exceeded`: the prompt does not fit into the context.
   * * `no_model_loaded`: no model is loaded.
   */
  create(request: CompletionRequest, options?: client.CallOptions): client.Answer<Completion>;
  /**
   * Generates a continuation of the prompt, and streams it. Closing the stream ends the generation.
   *
   * Set `max_tokens`: current servers fail on streamed completions without it. The errors are those of `create`. They can also occur after
   * items.
   */
  stream(request: CompletionRequest, options?: client.ResumableOptions): client.MessageStream<CompletionChunk, Completion>;
}

/** Conversations. */
export interface Chat {
  /**
   * Generates the next message of a conversation, and returns it whole.
   *
   * Requests usage, unless the request sets `stream_options`.
   *
   * Errors:
   *
   * * `no_template`: the model has no chat template.
   * * `context_length_exceeded`: the conversation does not fit into the context.
   * * `no_model_loaded`: no model is loaded.
   */
  create(request: ChatRequest, options?: client.CallOptions): client.Answer<ChatCompletion>;
  /**
   * Generates the next message of a conversation, and streams it. Closing the stream ends the generation.
   *
   * The errors are those of `create`. They can also occur after items.
   */
  stream(request: ChatRequest, options?: client.ResumableOptions): client.MessageStream<ChatChunk, ChatCompletion>;
}

/** Embedding vectors of texts. */
export interface Embeddings {}

/** Models, which are listed, loaded, unloaded and downloaded. */
export interface Models {
  /**
   * Returns the available models.
   *
   * Uses the admin key if it is set. With an API key the server lists only the loaded model.
   */
  list(options?: client.CallOptions): client.Answer<ModelList>;
  /**
   * Returns the loaded model.
   *
   * Errors:
   *
   * `no_model_loaded`: no model is loaded, or one is being loaded.
   */
  current(options?: client.CallOptions): client.Answer<ModelCard>;
  /**
   * Returns context size, chat template and slots of the loaded model.
   *
   * Errors:
   *
   * `no_model_loaded`: no model is loaded, or one is being loaded.
   */
  props(options?: client.CallOptions): client.Answer<ModelProps>;
  /**
   * Loads a model and replaces the loaded one. Requires the admin key.
   *
   * The stream yields progress. The model is usable once the stream has ended, which is after the event with the status `finished`.
   *
   * * Loading the directory that is already loaded does nothing, even if other parameters differ; see `reload`.
   * * The server first waits for running generations and for other loads.
   * * Closing the stream does not stop the load.
   * * After a failed load no model is loaded.
   */
  load(request: LoadRequest, options?: client.CallOptions): client.LoadStream;
  /**
   * Returns the available draft models.
   *
   * Uses the admin key if it is set. With an API key the server lists only the loaded one.
   */
  drafts(options?: client.CallOptions): client.Answer<ModelList>;
  /**
   * Makes the server download a model or a LoRA from the Hugging Face hub, and returns its directory. Requires the admin key.
   *
   * The response arrives when everything is downloaded. There is no deadline by default, and no progress. Cancelling the call cancels the
   * download, and the server removes the partial files. It is never retried.
   *
   * Errors:
   *
   * * `unknown_repo`, `already_exists`.
   * * `nothing_to_download`: the filters do not match any file.
   * * `download_timeout`: the `timeout` of the request passed.
   * * `bad_request`, with the hub's message.
   */
  download(request: DownloadRequest, options?: client.CallOptions): client.Answer<Downloaded>;
  /**
   * Unloads the model. Requires the admin key.
   *
   * Running generations are cut: whole responses contain what was generated, streams are silent until a timeout ends them. The call is
   * retried only if it was not sent, since another model may be loaded by then.
   *
   * Errors:
   *
   * `no_model_loaded`: no model is loaded.
   */
  unload(options?: client.CallOptions): client.Answer<void>;
}

/** Embedding models. One can be loaded in addition to the model that generates text. */
export interface EmbeddingModels {
  /**
   * Returns the available embedding models.
   *
   * Uses the admin key if it is set. With an API key the server lists only the loaded one.
   */
  list(options?: client.CallOptions): client.Answer<ModelList>;
  /**
   * Returns the loaded embedding model.
   *
   * Errors:
   *
   * `no_embedding_model_loaded`: no embedding model is loaded.
   */
  current(options?: client.CallOptions): client.Answer<ModelCard>;
  /**
   * Loads an embedding model. Requires the admin key.
   *
   * There are no progress events. The response arrives when the model is loaded, which by default may take up to 10 minutes.
   *
   * Errors:
   *
   * * `already_loaded`: this model is already loaded. Unload it first.
   * * `unknown_model`: the directory does not exist.
   * * `nothing_named`: the name is empty.
   * * `bad_request`: the directory does not contain an embedding model.
   */
  load(request: EmbeddingLoadRequest, options?: client.CallOptions): client.Answer<LoadProgress>;
  /**
   * Unloads the embedding model. Requires the admin key.
   *
   * Errors:
   *
   * `no_embedding_model_loaded`: no embedding model is loaded.
   */
  unload(options?: client.CallOptions): client.Answer<void>;
}

/** LoRAs. */
export interface Loras {
  /**
   * Returns the available LoRAs.
   *
   * Uses the admin key if it is set. With an API key the server lists only the active ones.
   */
  list(options?: client.CallOptions): client.Answer<LoraList>;
  /**
   * Returns the active LoRAs with their scaling.
   *
   * Errors:
   *
   * `no_model_loaded`: no model is loaded.
   */
  active(options?: client.CallOptions): client.Answer<LoraList>;
  /**
   * Loads LoRAs and replaces the active ones. Requires the admin key.
   *
   * A LoRA that cannot be loaded is not an error. See `LoraReport.failure`. The response arrives when all are done, which by default may
   * take up to 10 minutes.
   *
   * Errors:
   *
   * `nothing_named`: the list is empty.
   */
  load(request: LoraLoadRequest, options?: client.CallOptions): client.Answer<LoraReport>;
  /** Unloads all LoRAs. Requires the admin key. */
  unload(options?: client.CallOptions): client.Answer<void>;
}

/** Chat templates, which turn conversations into prompts. */
export interface Templates {
  /**
   * Switches the loaded model to this template, until the model is loaded again. Requires the admin key.
   *
   * Errors:
   *
   * * `unknown_template`: the server answers 500 without a message for an unknown name.
   * * `nothing_named`: the name is empty.
   * * `no_model_loaded`.
   */
  switch(name: string, options?: client.CallOptions): client.Answer<void>;
  /**
   * Removes the template of the loaded model. Requires the admin key.
   *
   * Chat then fails with code `no_template` until a template is set or the model is loaded again.
   */
  unload(options?: client.CallOptions): client.Answer<void>;
}

/** Tokens of the loaded model. */
export interface Tokens {}

/** Sampler overrides. They apply to the requests of every client of the server. */
export interface Sampling {
  /**
   * Returns the active overrides and the names of all presets.
   *
   * Uses the admin key if it is set. With an API key the server does not list presets.
   */
  overrides(options?: client.CallOptions): client.Answer<OverrideList>;
  /**
   * Activates a preset of the server's `sampler_overrides` directory and replaces all overrides. Requires the admin key.
   *
   * Errors:
   *
   * * `unknown_preset`: the file does not exist.
   * * `nothing_named`: the name is empty.
   */
  switchPreset(name: string, options?: client.CallOptions): client.Answer<void>;
  /**
   * Sets these overrides and replaces all others. Requires the admin key.
   *
   * The list keeps the name of the preset that was active before.
   *
   * Errors:
   *
   * `nothing_named`: there are no overrides. Use `unload` to remove them.
   */
  setOverrides(overrides: Overrides, options?: client.CallOptions): client.Answer<void>;
  /**
   * Removes all overrides. Requires the admin key.
   *
   * The list keeps the name of the preset that was active.
   */
  unload(options?: client.CallOptions): client.Answer<void>;
}

/** Health of the server. */
export interface Health {
  /** Returns the server's health. A 503 with a body is a response, not an error. Does not require a key. */
  check(options?: client.CallOptions): client.Answer<HealthReport>;
  /** Returns names and addresses of the server's APIs. Does not require a key. */
  serviceInfo(options?: client.CallOptions): client.Answer<ServiceInfo>;
}

/** What a key may do. */
export interface Auth {}

/** The KoboldAI API. */
export interface Kobold {
  /** Generates a continuation of the prompt, and returns it whole. */
  generate(request: KoboldRequest, options?: client.CallOptions): client.Answer<KoboldResults>;
  /**
   * Generates a continuation of the prompt, and streams it. Closing the stream ends the generation.
   *
   * The stream has no end event. It is complete when the server closes it cleanly.
   */
  stream(request: KoboldRequest, options?: client.CallOptions): client.Stream<KoboldToken, KoboldResults>;
  /** Ends the generation with this `genkey`. The server confirms it even if there is none. */
  abort(genkey: string, options?: client.CallOptions): client.Answer<KoboldAborted>;
  /** Returns what the running generation with this `genkey` has produced so far. Empty if there is none. */
  check(genkey: string, options?: client.CallOptions): client.Answer<KoboldResults>;
  /** Returns the name of the loaded model, as `tabbyAPI/NAME`. */
  model(options?: client.CallOptions): client.Answer<KoboldModel>;
  /** Returns the context size, in tokens, by KoboldCpp's route. */
  trueMaxContextLength(options?: client.CallOptions): client.Answer<KoboldLength>;
  /** Returns the available soft prompts: none on this server. Does not require a key. */
  softPrompts(options?: client.CallOptions): client.Answer<KoboldSoftPrompts>;
  /** Returns the active soft prompt: empty on this server. Does not require a key. */
  softPrompt(options?: client.CallOptions): client.Answer<KoboldSoftPrompt>;
  /** Sets a soft prompt, which this server accepts and ignores. Does not require a key. */
  setSoftPrompt(value: string, options?: client.CallOptions): client.Answer<void>;
}
