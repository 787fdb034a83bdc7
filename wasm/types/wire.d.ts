/**
 * What is sent and what is answered: plain objects with the names of the wire. Made of `openapi.json` by `wire-types.mjs`; not for
 * editing. Fields that a server adds are there in answers, too; `extraOf` of this package gives them a type.
 */

/** A word that servers may add others to. */
export type Open<Words extends string> = Words | (string & {});

/** The place for fields that this package has no name for. */
export interface Extra {
  /** Fields that are sent beside the others as they are, and before them where the names are equal. */
  extra_body?: Record<string, unknown> | undefined;
}

/** A text to go on with, or several. */
export interface CompletionRequest extends Extra {
  /** The text. The choice of prompt `p`, try `k`, has the index `p * n + k`. */
  prompt: Prompt;
  /**
   * Another model's directory. Ignored unless the server loads models inline, which takes the admin key; otherwise it only turns the answer
   * that no model is loaded into an internal error.
   */
  model?: string | undefined;
  /** How many tries for each prompt; from 1, default 1, no upper limit. */
  n?: number | undefined;
  /** The form that the output is held to. `sampling.json_schema` does the same with less. */
  response_format?: ResponseFormat | undefined;
  /** How the answer is delivered; usage is asked for while this is unset. */
  stream_options?: StreamOptions | undefined;
  /** Who asks. No effect on the server. */
  user?: string | undefined;
  /** No effect on the server. */
  best_of?: number | undefined;
  /** No effect on the server. */
  echo?: boolean | undefined;
  /** No effect on the server. */
  suffix?: string | undefined;
  /**
   * The most tokens to generate. Unset or 0 fills the context; a streamed completion fails without it. The current backend generates one
   * token fewer than asked for above 1. Other names: `max_completion_tokens` (current servers), `max_length`.
   */
  max_tokens?: number | undefined;
  /**
   * The fewest tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other name: `min_length`.
   */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output; they are not part of it. Text is held back as long as it could still become one of them.
   * None by default. Other name: `stop_sequence`.
   */
  stop?: (Stop | Stop[]) | undefined;
  /** Strings that the output may not contain; none by default. */
  banned_strings?: (string | string[]) | undefined;
  /** Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample; all by default. No effect on the current backend. Other name: `allowed_token_ids`. */
  allowed_tokens?: number[] | undefined;
  /** Whether the last token of the prompt is sampled again, so that it can merge with the output; default false. */
  token_healing?: boolean | undefined;
  /** 0 to 10, default 1; 0 is greedy. */
  temperature?: number | undefined;
  /** Whether temperature comes after the other samplers; default false. */
  temperature_last?: boolean | undefined;
  /** From 0, default 0, which is off. No effect on the current backend. */
  smoothing_factor?: number | undefined;
  /** How many of the likeliest tokens are kept; from -1, default 0; 0 and -1 are off. */
  top_k?: number | undefined;
  /** The share of probability that is kept; 0 to 1, default 1, which is off. */
  top_p?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  top_a?: number | undefined;
  /**
   * The least probability, as a share of the likeliest token's; 0 to 1 (not validated by the server, which fails beyond), default 0, which
   * is off.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other name: `typical_p`. */
  typical?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  skew?: number | undefined;
  /** How often the likeliest tokens are left out; 0 to 1, default 0, which is off. */
  xtc_probability?: number | undefined;
  /** From which probability on XTC may leave tokens out; 0 to 1, default 0.1. */
  xtc_threshold?: number | undefined;
  /** Grows with each occurrence of a token; from 0 (negative is refused), default 0. */
  frequency_penalty?: number | undefined;
  /** Falls on every token that occurred; from 0 (negative is refused), default 0. */
  presence_penalty?: number | undefined;
  /** A factor on tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`. */
  repetition_penalty?: number | undefined;
  /**
   * How many tokens back the penalties look; default -1, all of them. Other names: `repetition_range`, `repetition_penalty_range`,
   * `rep_pen_range`.
   */
  penalty_range?: number | undefined;
  /** Over how many more tokens the penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** How strongly DRY works against repeated sequences; default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** How fast DRY's penalty grows with the length of the repetition; default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** Up to which length repetitions are free of DRY's penalty; default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** How many tokens back DRY looks; default 0. No effect on the current backend. Other name: `dry_penalty_last_n`. */
  dry_range?: number | undefined;
  /** Strings at which DRY begins again; none by default. No effect on the current backend. */
  dry_sequence_breakers?: (string | string[]) | undefined;
  /**
   * Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 take for a flag of its own.
   */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /** Whether the prompt gets the model's begin token; the model's own setting by default. Chat discards it: the template decides. */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`. */
  ban_eos_token?: boolean | undefined;
  /** What is added to the logits of tokens, by id. Ids beyond the vocabulary are ignored; there is no range. */
  logit_bias?: {
    [key: string]: number;
  } | undefined;
  /** A JSON schema that the output is held to: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: (JsonSchema | string) | undefined;
  /** A regular expression that the output is held to. */
  regex_pattern?: string | undefined;
  /** A grammar that the output is held to, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * Dynamic temperature's upper end; from 0, default 1; below `min_temp` is an internal error of the server. No effect on the current
   * backend. Other name: `dynatemp_high`.
   */
  max_temp?: number | undefined;
  /** Dynamic temperature's lower end; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`. */
  min_temp?: number | undefined;
  /** Dynamic temperature's exponent; from 0, default 1. No effect on the current backend. Other name: `dynatemp_exponent`. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported (1), and above 1 also of how many alternatives; default 0. More than the vocabulary has is an
   * error.
   */
  logprobs?: number | undefined;
  /** Of how many alternatives log probabilities are reported; default 0; needs `logprobs`. */
  top_logprobs?: number | undefined;
  /** The probability that adaptive sampling aims at; default 1, which is off. */
  adaptive_target?: number | undefined;
  /** How slowly adaptive sampling forgets; default 0.9. */
  adaptive_decay?: number | undefined;
  /** After how many tokens of repetition the generation ends; from 0, default 800; 0 is off. */
  loop_detect_window?: number | undefined;
  /**
   * How strongly the prompt guides against `negative_prompt`; default 1, which is off. Known to servers of 2025, ignored by current ones.
   */
  cfg_scale?: number | undefined;
  /** What `cfg_scale` guides away from. Known to servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /** How many tokens of room are made when the context is full; default 512. Known to servers of 2025, ignored by current ones. */
  generate_window?: number | undefined;
  /** Whether special tokens are left out of the text; default true. Known to servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Known to servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** One text or several. The server takes no token ids. */
export type Prompt = string | string[];

/**
 * The form that the output is held to.
 *
 * The server ignores kinds that it does not know, `json_object` among them, and schemas that are not valid, without a word: the output is
 * then free text.
 */
export interface ResponseFormat {
  /** The kind (wire: `type`). */
  type: ResponseFormatType;
  /** The schema, for the type `json_schema`, bare or in OpenAI's wrapper `{"name", "schema"}`. */
  json_schema?: (JsonSchema | string) | undefined;
}

export type ResponseFormatType = "text" | "json" | "json_schema";

/**
 * Options of an answer's delivery.
 *
 * While a request has none, the library asks for usage by itself, streamed or not. In a stream that costs the last choice its `eos_reason`,
 * which the server then leaves out; set empty options to keep it.
 */
export interface StreamOptions {
  /** Whether to report `Usage`; the server's default is no. It counts for answers that are not streamed too. */
  include_usage?: boolean | undefined;
}

/** Something that ends the output. */
export type Stop = string | number;

/** The answer to a `CompletionRequest`. */
export interface Completion {
  /** The answer's id. */
  id: string;
  /** The choices, by index; `n` of them for each prompt. */
  choices: CompletionChoice[];
  /** When it was made, in seconds since 1970. */
  created: number;
  /** The directory name of the model that answered, whatever was asked for. */
  model: string;
  /** `text_completion`. */
  object: string;
  /** Token counts, if they were asked for. */
  usage?: Usage | null;
}

/** One way in which a text goes on. */
export interface CompletionChoice {
  /** Its number among the choices: the prompt's place times `n`, plus the try. */
  index: number;
  /** Why it ended. */
  finish_reason?: FinishReason | null;
  /** What precisely ended it. */
  eos_reason?: EosReason | null;
  /** Log probabilities, if they were asked for. */
  logprobs?: CompletionLogprobs | null;
  /** The text. */
  text: string;
}

export type FinishReason = Open<"stop" | "length" | "tool_calls">;

export type EosReason = Open<"stop_token" | "stop_string" | "max_new_tokens" | "end_filter" | "loop_detected">;

/** Log probabilities of a completion's tokens: lists of the same length. */
export interface CompletionLogprobs {
  /** The texts of the tokens. */
  tokens: string[];
  /** Their log probabilities; `None` where the server came to no finite number, as for a token of probability 0 that a grammar forced. */
  token_logprobs: (number | null)[];
  /**
   * For each token the likeliest ones in its place, by text; `None` if they were not asked for. The server writes -1000 for a probability
   * of 0.
   */
  top_logprobs: (LikelyTokens | null)[];
  /**
   * Where each token begins in the text, in characters. In a chunk of a stream the server counts from the chunk's own beginning;
   * accumulated, it is from that of the text.
   */
  text_offset: number[];
}

/** Log probabilities by text; null where the server came to no finite number. */
export interface LikelyTokens {
  [key: string]: number | null;
}

/**
 * Tokens and times of one request. With several choices the prompt's side is that of the first choice and the completion tokens are summed.
 */
export interface Usage {
  /** Tokens of the prompt. */
  prompt_tokens: number;
  /** Seconds that the prompt took. */
  prompt_time?: number | null;
  /** Prompt tokens per second. */
  prompt_tokens_per_sec?: Rate | null;
  /** Tokens that were generated. */
  completion_tokens: number;
  /** Seconds that the generation took. */
  completion_time?: number | null;
  /** Generated tokens per second. */
  completion_tokens_per_sec?: Rate | null;
  /** All tokens. */
  total_tokens: number;
  /** Seconds that the request took on the server, waiting included. */
  total_time?: number | null;
  /** What the prompt's tokens are made of, from servers that report it. */
  prompt_tokens_details?: PromptTokensDetails | null;
  /** What the generated tokens are made of, from servers that report it. */
  completion_tokens_details?: CompletionTokensDetails | null;
}

/** A speed in tokens per second; the server says `Indeterminate` where the time was too short to tell. */
export type Rate = number | string;

/** What the tokens of a prompt are made of. */
export interface PromptTokensDetails {
  /** Tokens that the server had in its cache, so that they took no time. */
  cached_tokens?: number | null;
}

/** What the tokens of an answer are made of. */
export interface CompletionTokensDetails {
  /** Tokens that were guessed ahead, by a draft model say, and taken over. */
  accepted_prediction_tokens?: number | null;
  /** Tokens that were guessed ahead and dropped. */
  rejected_prediction_tokens?: number | null;
}

/** One event of a streamed completion. Of a stream's chunks `id`, `object` and `model` share their memory. */
export interface CompletionChunk {
  /** The answer's id. */
  id: string;
  /** `text_completion`. */
  object: string;
  /** What is new, by choice; TabbyAPI sends one choice in each chunk. */
  choices: CompletionChunkChoice[];
  /** When it was made, in seconds since 1970. */
  created: number;
  /** Token counts, in the last chunk, if they were asked for. */
  usage?: Usage | null;
  /** The directory name of the model (wire: `model_name`; `model` is read as well). */
  model_name: string;
}

/** What is new in one choice. */
export interface CompletionChunkChoice {
  /** The choice's number; chunks of different choices come in turn. */
  index: number;
  /** More text. */
  text: string;
  /** Why the choice ended, once it has. */
  finish_reason?: FinishReason | null;
  /** What precisely ended it. If usage was asked for, the server leaves it out for the choice that ends last. */
  eos_reason?: EosReason | null;
  /** Log probabilities of the tokens of `text`, if they were asked for. */
  logprobs?: CompletionLogprobs | null;
}

/** A conversation to go on with. */
export interface ChatRequest extends Extra {
  /** The conversation so far. Many templates refuse an empty one. */
  messages: ChatMessage[];
  /**
   * Another model's directory. Ignored unless the server loads models inline, which takes the admin key; otherwise it only turns the answer
   * that no model is loaded into an internal error.
   */
  model?: string | undefined;
  /** How many answers; from 1, default 1, no upper limit. */
  n?: number | undefined;
  /** The functions that the model may call. */
  tools?: Tool[] | undefined;
  /** Which of them it is to call. */
  tool_choice?: ToolChoice | undefined;
  /** Whether it may call several at once; default true. No effect on the current backend. */
  parallel_tool_calls?: boolean | undefined;
  /** Functions in OpenAI's older form, handed to the template. */
  functions?: JsonSchema[] | undefined;
  /** The form that the output is held to. `sampling.json_schema` does the same with less. */
  response_format?: ResponseFormat | undefined;
  /** How hard the model is to think, in the template's words, such as `low`. */
  reasoning_effort?: string | undefined;
  /** Whether the model is to think, for templates that know it. */
  enable_thinking?: boolean | undefined;
  /** How wordy the model is to be, for templates that know it. */
  verbosity?: string | undefined;
  /** Reasoning options in one; the flat fields go before them. */
  reasoning?: ReasoningOptions | undefined;
  /** The most tokens of reasoning; negative is unset. No effect on the current backend. */
  reasoning_budget_tokens?: number | undefined;
  /** What is put in where the reasoning budget ends. No effect on the current backend. */
  reasoning_budget_message?: string | undefined;
  /** What the answer starts with. It is appended to the prompt and not repeated in the output. */
  response_prefix?: string | undefined;
  /**
   * Whether to go on with the last message in place of answering it; default false. It takes `add_generation_prompt(false)` and a last
   * message with text.
   */
  continue_final_message?: boolean | undefined;
  /** Whether the template ends with the start of an answer; default true. */
  add_generation_prompt?: boolean | undefined;
  /** Variables for the template; they go before `reasoning` and the flat fields. */
  template_vars?: {
    [key: string]: unknown;
  } | undefined;
  /** Another template. No effect on the current server; switch templates with `POST /v1/template/switch`. */
  prompt_template?: string | undefined;
  /** How the answer is delivered; usage is asked for while this is unset. */
  stream_options?: StreamOptions | undefined;
  /** Who asks. No effect on the server. */
  user?: string | undefined;
  /** No effect on the server. */
  best_of?: number | undefined;
  /** No effect on the server. */
  echo?: boolean | undefined;
  /** No effect on the server. */
  suffix?: string | undefined;
  /**
   * The most tokens to generate. Unset or 0 fills the context; a streamed completion fails without it. The current backend generates one
   * token fewer than asked for above 1. Other names: `max_completion_tokens` (current servers), `max_length`.
   */
  max_tokens?: number | undefined;
  /**
   * The fewest tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other name: `min_length`.
   */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output; they are not part of it. Text is held back as long as it could still become one of them.
   * None by default. Other name: `stop_sequence`.
   */
  stop?: (Stop | Stop[]) | undefined;
  /** Strings that the output may not contain; none by default. */
  banned_strings?: (string | string[]) | undefined;
  /** Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample; all by default. No effect on the current backend. Other name: `allowed_token_ids`. */
  allowed_tokens?: number[] | undefined;
  /** Whether the last token of the prompt is sampled again, so that it can merge with the output; default false. */
  token_healing?: boolean | undefined;
  /** 0 to 10, default 1; 0 is greedy. */
  temperature?: number | undefined;
  /** Whether temperature comes after the other samplers; default false. */
  temperature_last?: boolean | undefined;
  /** From 0, default 0, which is off. No effect on the current backend. */
  smoothing_factor?: number | undefined;
  /** How many of the likeliest tokens are kept; from -1, default 0; 0 and -1 are off. */
  top_k?: number | undefined;
  /** The share of probability that is kept; 0 to 1, default 1, which is off. */
  top_p?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  top_a?: number | undefined;
  /**
   * The least probability, as a share of the likeliest token's; 0 to 1 (not validated by the server, which fails beyond), default 0, which
   * is off.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other name: `typical_p`. */
  typical?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  skew?: number | undefined;
  /** How often the likeliest tokens are left out; 0 to 1, default 0, which is off. */
  xtc_probability?: number | undefined;
  /** From which probability on XTC may leave tokens out; 0 to 1, default 0.1. */
  xtc_threshold?: number | undefined;
  /** Grows with each occurrence of a token; from 0 (negative is refused), default 0. */
  frequency_penalty?: number | undefined;
  /** Falls on every token that occurred; from 0 (negative is refused), default 0. */
  presence_penalty?: number | undefined;
  /** A factor on tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`. */
  repetition_penalty?: number | undefined;
  /**
   * How many tokens back the penalties look; default -1, all of them. Other names: `repetition_range`, `repetition_penalty_range`,
   * `rep_pen_range`.
   */
  penalty_range?: number | undefined;
  /** Over how many more tokens the penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** How strongly DRY works against repeated sequences; default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** How fast DRY's penalty grows with the length of the repetition; default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** Up to which length repetitions are free of DRY's penalty; default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** How many tokens back DRY looks; default 0. No effect on the current backend. Other name: `dry_penalty_last_n`. */
  dry_range?: number | undefined;
  /** Strings at which DRY begins again; none by default. No effect on the current backend. */
  dry_sequence_breakers?: (string | string[]) | undefined;
  /**
   * Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 take for a flag of its own.
   */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /** Whether the prompt gets the model's begin token; the model's own setting by default. Chat discards it: the template decides. */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`. */
  ban_eos_token?: boolean | undefined;
  /** What is added to the logits of tokens, by id. Ids beyond the vocabulary are ignored; there is no range. */
  logit_bias?: {
    [key: string]: number;
  } | undefined;
  /** A JSON schema that the output is held to: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: (JsonSchema | string) | undefined;
  /** A regular expression that the output is held to. */
  regex_pattern?: string | undefined;
  /** A grammar that the output is held to, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * Dynamic temperature's upper end; from 0, default 1; below `min_temp` is an internal error of the server. No effect on the current
   * backend. Other name: `dynatemp_high`.
   */
  max_temp?: number | undefined;
  /** Dynamic temperature's lower end; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`. */
  min_temp?: number | undefined;
  /** Dynamic temperature's exponent; from 0, default 1. No effect on the current backend. Other name: `dynatemp_exponent`. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported (1), and above 1 also of how many alternatives; default 0. More than the vocabulary has is an
   * error.
   */
  logprobs?: number | undefined;
  /** Of how many alternatives log probabilities are reported; default 0; needs `logprobs`. */
  top_logprobs?: number | undefined;
  /** The probability that adaptive sampling aims at; default 1, which is off. */
  adaptive_target?: number | undefined;
  /** How slowly adaptive sampling forgets; default 0.9. */
  adaptive_decay?: number | undefined;
  /** After how many tokens of repetition the generation ends; from 0, default 800; 0 is off. */
  loop_detect_window?: number | undefined;
  /**
   * How strongly the prompt guides against `negative_prompt`; default 1, which is off. Known to servers of 2025, ignored by current ones.
   */
  cfg_scale?: number | undefined;
  /** What `cfg_scale` guides away from. Known to servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /** How many tokens of room are made when the context is full; default 512. Known to servers of 2025, ignored by current ones. */
  generate_window?: number | undefined;
  /** Whether special tokens are left out of the text; default true. Known to servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Known to servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** One message of a conversation. The message of an answer goes into the next request as it is. */
export interface ChatMessage {
  /** Who says it. The server takes any string; the template decides. */
  role: Role;
  /** What is said. An answer without content, such as one of tool calls only, has none. */
  content?: (Content | null) | undefined;
  /** What the model thought before, where the server tells it apart. In answers `reasoning` is read as well. */
  reasoning_content?: (string | null) | undefined;
  /** The tools that the model calls. */
  tool_calls?: (ToolCall[] | null) | undefined;
  /** The call that this message is the result of. */
  tool_call_id?: (string | null) | undefined;
  /** Who it is by name, for templates that use it; the current server drops it. */
  name?: (string | null) | undefined;
}

export type Role = "system" | "developer" | "user" | "assistant" | "tool" | "function";

/** What a message says. */
export type Content = string | ContentPart[];

/** A part of a message. A model that was loaded without vision never sees images: the server drops them without a word. */
export type ContentPart = {
  type: "text";
  /** The text. */
  text: string;
} | {
  type: "image_url";
  /** Where it is, or the image itself. */
  image_url: ImageUrl;
};

/** An image of a message. */
export interface ImageUrl {
  /** An address, or `data:image/TYPE;base64,…`. */
  url: string;
}

/** One call of a tool. */
export interface ToolCall {
  /** The call's id, which its result refers to. The server makes one up if it is empty in a request. */
  id?: string | undefined;
  /** The kind (wire: `type`). */
  type: ToolKind;
  /** What is called. */
  function: FunctionCall;
  /** Its place among the calls of an answer. */
  index?: (number | null) | undefined;
}

export type ToolKind = "function";

/** The function of a `ToolCall`. */
export interface FunctionCall {
  /** Its name. */
  name: string;
  /** Its arguments as JSON text; the server takes nothing else. Servers that answer with an object are read as well. */
  arguments: string;
}

/** Something that the model may call. */
export interface Tool {
  /** The kind (wire: `type`). */
  type: ToolKind;
  /** The function. */
  function: Function;
}

/** A function that the model may call. */
export interface Function {
  /** Its name. */
  name: string;
  /** What it is for; the server requires it. */
  description: string;
  /** A JSON schema of its arguments, which must be an object; the server requires it. */
  parameters: JsonSchema;
}

/**
 * Which tools the model is to call. Only `none` has an effect on the server: the text of tool calls then stays in the content. The others
 * are told to the template at most.
 */
export type ToolChoice = ("none" | "auto" | "required") | {
  type: ToolKind;
  function: NamedFunction;
};

/** The function to call. */
export interface NamedFunction {
  /** Its name. */
  name: string;
}

/** How the model is to think. The flat fields of `ChatRequest` go before these. */
export interface ReasoningOptions {
  /** How hard, in the template's words. */
  effort?: string | undefined;
  /** Whether at all. */
  enabled?: boolean | undefined;
  /** The most tokens of it; negative is unset. */
  max_tokens?: number | undefined;
}

/** The answer to a `ChatRequest`. */
export interface ChatCompletion {
  /** The answer's id. */
  id: string;
  /** The choices, by index; `n` of them. */
  choices: ChatChoice[];
  /** When it was made, in seconds since 1970. */
  created: number;
  /** The directory name of the model that answered, whatever was asked for. */
  model: string;
  /** `chat.completion`. */
  object: string;
  /** Token counts, if they were asked for. */
  usage?: Usage | null;
}

/** One of the answers to a conversation. */
export interface ChatChoice {
  /** Its number among the choices. */
  index: number;
  /** Why it ended. */
  finish_reason?: FinishReason | null;
  /** What precisely ended it. */
  eos_reason?: EosReason | null;
  /** The string that ended it; not streamed by the server. */
  stop_str?: string | null;
  /** What the model says. */
  message: ChatMessage & { content?: string | null };
  /** Log probabilities, if they were asked for. */
  logprobs?: ChatLogprobs | null;
}

/** Log probabilities of a choice's content. */
export interface ChatLogprobs {
  /** The tokens of the content. In a stream, reasoning and tool text have none. */
  content: TokenLogprob[];
}

/** The log probability of one token. */
export interface TokenLogprob {
  /** The token's text; `�` if it is only a part of a character. */
  token: string;
  /** Its id. */
  token_id?: number | null;
  /** Its log probability; `None` where the server came to no finite number, as for a token of probability 0 that a grammar forced. */
  logprob: number | null;
  /** The likeliest tokens in its place, itself perhaps among them, if they were asked for. */
  top_logprobs: TopLogprob[];
}

/** One of the likeliest tokens in a place. */
export interface TopLogprob {
  /** The token's text. */
  token: string;
  /** Its id. */
  token_id?: number | null;
  /** Its log probability; the server writes -1000 for a probability of 0. `None` where it is not a finite number. */
  logprob: number | null;
}

/** One event of a streamed answer. Of a stream's chunks `id`, `object` and `model` share their memory. */
export interface ChatChunk {
  /** The answer's id. */
  id: string;
  /** `chat.completion.chunk`. */
  object: string;
  /** When it was made, in seconds since 1970. */
  created: number;
  /** What is new, by choice; TabbyAPI sends one choice in each chunk. */
  choices: ChunkChoice[];
  /** Token counts, in the last chunk, if they were asked for. */
  usage?: Usage | null;
  /** The directory name of the model. */
  model: string;
}

/** What is new in one choice. */
export interface ChunkChoice {
  /** The choice's number; chunks of different choices come in turn. */
  index: number;
  /** What is new. */
  delta: Delta;
  /** Why the choice ended, once it has. */
  finish_reason?: FinishReason | null;
  /** What precisely ended it. If usage was asked for, the server leaves it out for the choice that ends last. */
  eos_reason?: EosReason | null;
  /** The string that ended it; only there if the server answered without streaming. */
  stop_str?: string | null;
  /** Log probabilities of the tokens of `delta.content`, if they were asked for. */
  logprobs?: ChatLogprobs | null;
}

/** A piece of a message. */
export interface Delta {
  /** Who speaks. TabbyAPI does not say it: it is the assistant. */
  role?: Role | null;
  /** More text. */
  content?: string | null;
  /** More reasoning (wire: `reasoning_content`; `reasoning` is read as well). */
  reasoning_content?: string | null;
  /** Tool calls or pieces of them. TabbyAPI sends all of them whole in the last chunk with content. */
  tool_calls?: ToolCallDelta[];
}

/** A tool call or a piece of one. */
export interface ToolCallDelta {
  /** The call's id. */
  id?: string | null;
  /** The call's place among the calls of the choice. */
  index?: number | null;
  /** The kind (wire: `type`). */
  type?: ToolKind | null;
  /** What is called. */
  function: FunctionDelta;
}

/** The function of a tool call or a piece of it. */
export interface FunctionDelta {
  /** Its name. */
  name?: string | null;
  /** Its arguments as JSON text, or a piece of that. */
  arguments?: string | null;
}

/** Texts to turn into vectors. */
export interface EmbeddingsRequest extends Extra {
  /** The texts; at least one. The server takes no token ids. */
  input: string | string[];
  /** How the vectors are written; decimals by default. The answer is the same, but base64 is a quarter as long. */
  encoding_format?: EncodingFormat | undefined;
  /** Ignored by the server: the loaded embedding model answers. */
  model?: string | undefined;
}

export type EncodingFormat = "float" | "base64";

/** The vectors of texts. */
export interface EmbeddingList {
  /** One vector for each text, in their order. */
  data: Embedding[];
  /** The model that made them. */
  model: string;
  /** What it took. The server counts **characters** here, where the names say tokens. */
  usage?: Usage | null;
}

/** The vector of one text. */
export interface Embedding {
  /** The vector, whichever way it was written. */
  embedding: number[] | string;
  /** The place of its text in the request. */
  index: number;
}

/** A list of models. */
export interface ModelList {
  /** The models, in no particular order; dummy names come first if the server has any. */
  data: ModelCard[];
}

/** A model. */
export interface ModelCard {
  /** The name of its directory, without the path that leads to it. */
  id: string;
  /** When the answer was made, in seconds since 1970 (not when the model was made). */
  created: number;
  /** `tabbyAPI`. */
  owned_by: string;
  /** How it is loaded; in lists `None`. */
  parameters?: ModelParameters | null;
  /** What the server logs, from servers that report it. */
  logging?: unknown;
}

/** How a model is loaded. */
export interface ModelParameters {
  /** The context size, in tokens. */
  max_seq_len?: number | null;
  /** The size of the cache, in tokens. */
  cache_size?: number | null;
  /** How the cache is quantised, as it was asked for: an unknown mode is shown here although `FP16` is used. */
  cache_mode?: string | null;
  /** Linear RoPE scaling. */
  rope_scale?: number | null;
  /** NTK RoPE scaling. */
  rope_alpha?: number | null;
  /** How many generations run at once. */
  max_batch_size?: number | null;
  /** How many tokens of a prompt are processed at once. */
  chunk_size?: number | null;
  /** The name of the chat template. */
  prompt_template?: string | null;
  /** The chat template itself, in Jinja. */
  prompt_template_content?: string | null;
  /** Whether images are understood; else image parts are silently dropped. */
  use_vision?: boolean | null;
  /** The draft model; current servers leave it out although there is one. */
  draft?: ModelCard | null;
}

/** Properties of the loaded model. */
export interface ModelProps {
  /** How many generations run at once. */
  total_slots?: number | null;
  /** The chat template, in Jinja; empty if there is none. */
  chat_template: string;
  /** Its settings for generation. */
  default_generation_settings: GenerationSettings;
}

/** Settings for generation. */
export interface GenerationSettings {
  /** The context size, in tokens. */
  n_ctx?: number | null;
}

/**
 * Which model to load, and how. What is left out comes from the server's configuration, and the model folder's own `tabby_config.yml` wins
 * over both.
 */
export interface LoadRequest extends Extra {
  /** The directory under the server's model directory; may hold slashes. Empty or missing ones are refused with 400. */
  model_name: string;
  /** The backend, such as `exllamav3`; by default the server finds out. Backends that are not there end in an error event. */
  backend?: string | undefined;
  /** The context size, in tokens; -1 is the model's own. */
  max_seq_len?: number | undefined;
  /** The size of the cache, in tokens; a multiple of 256, which is checked only while loading. */
  cache_size?: number | undefined;
  /**
   * How the cache is quantised: `FP16` (default), `Q8`, `Q6`, `Q4`, or bits of keys and values such as `5,4` (2 to 8). Anything else
   * silently means `FP16`.
   */
  cache_mode?: string | undefined;
  /** Whether to split each layer over the GPUs. */
  tensor_parallel?: boolean | undefined;
  /** How tensor parallelism talks: `native` (default) or `nccl`. */
  tensor_parallel_backend?: string | undefined;
  /** Whether to fill the GPUs one after another. */
  gpu_split_auto?: boolean | undefined;
  /** Memory to leave free on each GPU with `gpu_split_auto`, in MB. */
  autosplit_reserve?: number[] | undefined;
  /** Memory to use on each GPU, in GB; empty by default. */
  gpu_split?: number[] | undefined;
  /** Linear RoPE scaling; by default the model's own. */
  rope_scale?: number | undefined;
  /** NTK RoPE scaling; by default found out. */
  rope_alpha?: RopeAlpha | undefined;
  /** How many tokens of a prompt to process at once. */
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

/** NTK RoPE scaling: a number, or found out from the context size. */
export type RopeAlpha = number | string;

/** Which draft model to load along, and how. */
export interface DraftModel {
  /** The directory under the server's draft model directory. */
  draft_model_name: string;
  /** Linear RoPE scaling; by default the model's own. */
  draft_rope_scale?: number | undefined;
  /** NTK RoPE scaling; by default found out. */
  draft_rope_alpha?: RopeAlpha | undefined;
  /** Memory to use on each GPU, in GB; empty by default. */
  draft_gpu_split?: number[] | undefined;
}

/** One event of a load: how far one part of the model is. */
export interface LoadProgress {
  /** The part that is being loaded. */
  model_type: ModelType;
  /** How many modules are loaded. */
  module: number;
  /** How many there are. */
  modules: number;
  /** Whether the part is finished. A finished `model` cannot be used before the stream has ended. */
  status: LoadStatus;
}

export type ModelType = Open<"vision" | "draft" | "model" | "embedding_model">;

export type LoadStatus = Open<"processing" | "finished">;

/** What to download from the Hugging Face hub, and where to. */
export interface DownloadRequest extends Extra {
  /** The repository, as `namespace/name`. */
  repo_id: string;
  /** What it holds, which decides the directory; a model by default. */
  repo_type?: RepoType | undefined;
  /** The name of the directory to make; by default the repository's own. One that exists is refused. */
  folder_name?: string | undefined;
  /** The branch, tag or commit; by default the main branch. */
  revision?: string | undefined;
  /** The token for private repositories; by default the server's own. */
  token?: HubToken | undefined;
  /** Patterns of the files to download, such as `*.safetensors`; all by default. */
  include?: (string | string[]) | undefined;
  /** Patterns of the files to leave out; none by default. */
  exclude?: (string | string[]) | undefined;
  /** How many pieces of a file are downloaded at once; the server decides by default. */
  chunk_limit?: number | undefined;
  /** Seconds for the whole download, on the server; none by default. Past it the error has the code `download_timeout`. */
  timeout?: number | undefined;
}

export type RepoType = Open<"model" | "lora">;

/** A token of the Hugging Face hub. `Debug` does not show it, and it is wiped when it is dropped. */
export type HubToken = string;

/** Where a download lies. */
export interface Downloaded {
  /** Its directory, seen from the server's own, such as `models/thing-exl3`. */
  download_path: string;
}

/** Which embedding model to load, and where. */
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
  /** When the answer was made, in seconds since 1970 (not when the LoRA was made). */
  created: number;
  /** `tabbyAPI`. */
  owned_by: string;
  /** How strongly it works, for active ones. */
  scaling?: number | null;
}

/** Which LoRAs to load. */
export interface LoraLoadRequest extends Extra {
  /** The LoRAs; an empty list is refused with the code `nothing_named`. */
  loras: LoraLoad[];
  /** Whether not to wait for running generations; default false. Has no effect on current servers. */
  skip_queue?: boolean | undefined;
}

/** A LoRA to load. */
export interface LoraLoad {
  /** The directory under the server's directory of LoRAs. */
  name: string;
  /** How strongly it works; default 1. */
  scaling?: number | undefined;
}

/** What the loading of LoRAs came to. */
export interface LoraReport {
  /** The names of those that are active now. */
  success: string[];
  /** The names of those that could not be loaded; on current servers all of them. */
  failure: string[];
}

/** A list of templates. */
export interface TemplateList {
  /** Their names, without `.jinja`. */
  data: string[];
}

/** The chat template to switch to. */
export interface SwitchTemplate extends Extra {
  /** The name of the template, with or without `.jinja` (wire: `prompt_template_name`). */
  prompt_template_name: string;
}

/** A text or a conversation to turn into tokens. */
export interface EncodeRequest extends Extra {
  /** What to encode. A conversation is written by the chat template, without the start of an answer. */
  text: EncodeInput;
  /** Whether the model's begin token comes first, if it has one; default true. */
  add_bos_token?: boolean | undefined;
  /**
   * Whether the texts of special tokens, such as `<|im_end|>`, become those; default true. Models for which they are ordinary vocabulary do
   * so in any case.
   */
  encode_special_tokens?: boolean | undefined;
  /** No effect on encoding; default true. */
  decode_special_tokens?: boolean | undefined;
  /** Variables for the chat template. Servers of 2025 do not know them. */
  template_vars?: {
    [key: string]: unknown;
  } | undefined;
}

/** What can be encoded. */
export type EncodeInput = string | ChatMessage[];

/** The tokens of a text or a conversation. */
export interface Encoded {
  /** Their ids. Those from 1 000 000 000 on stand for pieces of images, and mean something only in this answer. */
  tokens: number[];
  /** How many there are. */
  length: number;
}

/**
 * Tokens to turn into text.
 *
 * Ids are from 0: the server fails on negative ones, so they cannot be written here. It leaves out ids that the model does not have.
 */
export interface DecodeRequest extends Extra {
  /** The ids of the tokens. */
  tokens: number[];
  /** Whether special tokens, such as `<|im_end|>`, appear as their texts; default true. */
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

/** A text or a conversation to count the tokens of. */
export type CountTokens = EncodeRequest;

/** How many tokens there are. */
export interface TokenCount {
  /** The number of tokens. */
  length: number;
}

/** The overrides in force, and the presets that there are. */
export interface OverrideList {
  /** The preset that was switched to last. It stays here after other overrides were set or all were unloaded. */
  selected_preset?: string | null;
  /** The overrides in force, by field. */
  overrides: AppliedOverrides;
  /** The names of all presets; empty for an API key. */
  presets: string[];
}

export interface AppliedOverrides {
  [key: string]: SamplerOverride;
}

/** The override of one sampler parameter. */
export interface SamplerOverride {
  /** The value (wire: `override`); without `force` and `additive` it applies where a request leaves the field unset. */
  override: unknown;
  /** Whether it applies in place of the request's value; false by default. */
  force?: (boolean | null) | undefined;
  /** Whether it is appended to the request's list; false by default. `force` goes before it. */
  additive?: (boolean | null) | undefined;
}

/** The preset to switch to. */
export interface SwitchPreset extends Extra {
  /** The name of the preset, without `.yml`. */
  preset: string;
}

/** Overrides of sampling parameters to put in force. */
export interface SetOverrides extends Extra {
  /** The overrides, by sampler parameter. */
  overrides: Overrides;
}

/**
 * Overrides to put in force, made of sampler parameters, so that names and types are right.
 *
 * The server takes anything for an override, and then fails on every generation if one is a bare value, such as `{"top_p": 0.5}`; that
 * cannot be built here.
 */
export interface Overrides {
  [key: string]: SamplerOverride;
}

/** The server's view of its own health. */
export interface HealthReport {
  /** Its state. */
  status: HealthStatus;
  /** What went wrong since it started; at most the last 100. */
  issues: HealthIssue[];
}

export type HealthStatus = Open<"healthy" | "unhealthy">;

/** Something that went wrong on the server. */
export interface HealthIssue {
  /** When, in UTC after RFC 3339. */
  time: string;
  /** What. */
  description: string;
}

/** What the server is. */
export interface ServiceInfo {
  /** The version of this document, such as 0.1. */
  version: number | null;
  /** The software that serves. */
  software: Software;
  /** The APIs it serves, by name: `openai`, and `koboldai`, which is listed even where it is not served. */
  api: {
    [key: string]: ApiInfo;
  };
}

/** The software that serves. */
export interface Software {
  /** Its name, `TabbyAPI`. */
  name: string;
  /** The address of its source. */
  repository?: string | null;
  /** Its home page. */
  homepage?: string | null;
}

/** One API of the server. */
export interface ApiInfo {
  /** Its name, such as `OpenAI API`. */
  name: string;
  /** Its path under the server's address, such as `/v1`. */
  relative_url?: string | null;
  /** The address of its documentation. */
  documentation?: string | null;
  /** Its version, such as 1. */
  version?: number | null;
}

/** What a key may do. */
export interface PermissionResponse {
  /** What the key may do. */
  permission: Permission;
}

export type Permission = Open<"api" | "admin">;

/**
 * A text to go on with, in KoboldAI's manner.
 *
 * The sampler parameters go by TabbyAPI's own names, which these routes take too; KoboldAI's (`max_length`, `rep_pen`, …) can be sent as
 * `extra`.
 */
export interface KoboldRequest extends Extra {
  /** The text. */
  prompt: string;
  /** A key of your choice for this generation, by which `abort` and `check` find it. Two that run at once must differ. */
  genkey?: string | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. */
  use_default_badwordsids?: boolean | undefined;
  /** Above 0 dynamic temperature runs from `temperature` less this to `temperature` and this. No effect on the current backend. */
  dynatemp_range?: number | undefined;
  /**
   * The most tokens to generate. Unset or 0 fills the context; a streamed completion fails without it. The current backend generates one
   * token fewer than asked for above 1. Other names: `max_completion_tokens` (current servers), `max_length`.
   */
  max_tokens?: number | undefined;
  /**
   * The fewest tokens to generate; from 0, default 0. More than `max_tokens` is an internal error of the server. Other name: `min_length`.
   */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output; they are not part of it. Text is held back as long as it could still become one of them.
   * None by default. Other name: `stop_sequence`.
   */
  stop?: (Stop | Stop[]) | undefined;
  /** Strings that the output may not contain; none by default. */
  banned_strings?: (string | string[]) | undefined;
  /** Ids of tokens that are never sampled; none by default. Other name: `custom_token_bans`. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample; all by default. No effect on the current backend. Other name: `allowed_token_ids`. */
  allowed_tokens?: number[] | undefined;
  /** Whether the last token of the prompt is sampled again, so that it can merge with the output; default false. */
  token_healing?: boolean | undefined;
  /** 0 to 10, default 1; 0 is greedy. */
  temperature?: number | undefined;
  /** Whether temperature comes after the other samplers; default false. */
  temperature_last?: boolean | undefined;
  /** From 0, default 0, which is off. No effect on the current backend. */
  smoothing_factor?: number | undefined;
  /** How many of the likeliest tokens are kept; from -1, default 0; 0 and -1 are off. */
  top_k?: number | undefined;
  /** The share of probability that is kept; 0 to 1, default 1, which is off. */
  top_p?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  top_a?: number | undefined;
  /**
   * The least probability, as a share of the likeliest token's; 0 to 1 (not validated by the server, which fails beyond), default 0, which
   * is off.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. Other name: `typical_p`. */
  typical?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  skew?: number | undefined;
  /** How often the likeliest tokens are left out; 0 to 1, default 0, which is off. */
  xtc_probability?: number | undefined;
  /** From which probability on XTC may leave tokens out; 0 to 1, default 0.1. */
  xtc_threshold?: number | undefined;
  /** Grows with each occurrence of a token; from 0 (negative is refused), default 0. */
  frequency_penalty?: number | undefined;
  /** Falls on every token that occurred; from 0 (negative is refused), default 0. */
  presence_penalty?: number | undefined;
  /** A factor on tokens that occurred; above 0, default 1, which is off. Other name: `rep_pen`. */
  repetition_penalty?: number | undefined;
  /**
   * How many tokens back the penalties look; default -1, all of them. Other names: `repetition_range`, `repetition_penalty_range`,
   * `rep_pen_range`.
   */
  penalty_range?: number | undefined;
  /** Over how many more tokens the penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** How strongly DRY works against repeated sequences; default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** How fast DRY's penalty grows with the length of the repetition; default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** Up to which length repetitions are free of DRY's penalty; default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** How many tokens back DRY looks; default 0. No effect on the current backend. Other name: `dry_penalty_last_n`. */
  dry_range?: number | undefined;
  /** Strings at which DRY begins again; none by default. No effect on the current backend. */
  dry_sequence_breakers?: (string | string[]) | undefined;
  /**
   * Default 0, which is off. No effect on the current backend. Other name: `mirostat`, which servers of 2025 take for a flag of its own.
   */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /** Whether the prompt gets the model's begin token; the model's own setting by default. Chat discards it: the template decides. */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. Other name: `ignore_eos`. */
  ban_eos_token?: boolean | undefined;
  /** What is added to the logits of tokens, by id. Ids beyond the vocabulary are ignored; there is no range. */
  logit_bias?: {
    [key: string]: number;
  } | undefined;
  /** A JSON schema that the output is held to: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: (JsonSchema | string) | undefined;
  /** A regular expression that the output is held to. */
  regex_pattern?: string | undefined;
  /** A grammar that the output is held to, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * Dynamic temperature's upper end; from 0, default 1; below `min_temp` is an internal error of the server. No effect on the current
   * backend. Other name: `dynatemp_high`.
   */
  max_temp?: number | undefined;
  /** Dynamic temperature's lower end; from 0, default 1. No effect on the current backend. Other name: `dynatemp_low`. */
  min_temp?: number | undefined;
  /** Dynamic temperature's exponent; from 0, default 1. No effect on the current backend. Other name: `dynatemp_exponent`. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported (1), and above 1 also of how many alternatives; default 0. More than the vocabulary has is an
   * error.
   */
  logprobs?: number | undefined;
  /** Of how many alternatives log probabilities are reported; default 0; needs `logprobs`. */
  top_logprobs?: number | undefined;
  /** The probability that adaptive sampling aims at; default 1, which is off. */
  adaptive_target?: number | undefined;
  /** How slowly adaptive sampling forgets; default 0.9. */
  adaptive_decay?: number | undefined;
  /** After how many tokens of repetition the generation ends; from 0, default 800; 0 is off. */
  loop_detect_window?: number | undefined;
  /**
   * How strongly the prompt guides against `negative_prompt`; default 1, which is off. Known to servers of 2025, ignored by current ones.
   */
  cfg_scale?: number | undefined;
  /** What `cfg_scale` guides away from. Known to servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /** How many tokens of room are made when the context is full; default 512. Known to servers of 2025, ignored by current ones. */
  generate_window?: number | undefined;
  /** Whether special tokens are left out of the text; default true. Known to servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Known to servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** Generated texts. */
export interface KoboldResults {
  /** The texts: one, or none if nothing is there yet. */
  results: KoboldResult[];
}

/** A generated text. */
export interface KoboldResult {
  /** The text. */
  text: string;
}

/** One event of a stream: the next piece of text. */
export interface KoboldToken {
  /** The text, one token or several. */
  token: string;
}

/** The generation to end. */
export interface KoboldAbort extends Extra {
  /** The key that the generation was begun with. */
  genkey: string;
}

/** Whether a generation was ended. */
export interface KoboldAborted {
  /** Always true on this server. */
  success: boolean;
}

/** The generation to look at. */
export interface KoboldCheck extends Extra {
  /** The key that the generation was begun with. */
  genkey: string;
}

/** The loaded model. */
export interface KoboldModel {
  /** Its owner and name, such as `tabbyAPI/alpha-7B-exl3`. */
  result: string;
}

/** A text to count the tokens of. */
export interface KoboldCountTokens extends Extra {
  /** The text. */
  prompt: string;
}

/** The tokens of a text. */
export interface KoboldTokenCount {
  /** How many there are. */
  value: number;
  /** Their ids. */
  ids: number[];
}

/** A number of tokens. */
export interface KoboldLength {
  /** The number; servers may leave it out. */
  value?: number | null;
}

/** A version that the server claims to have. */
export interface KoboldVersion {
  /** The version, such as `1.2.5`; or the software, such as `KoboldCpp`. */
  result: string;
  /** The version of the software. */
  version?: string | null;
}

/** The soft prompts that there are. */
export interface KoboldSoftPrompts {
  /** The soft prompts. */
  values: unknown[];
}

/** The soft prompt in use. */
export interface KoboldSoftPrompt {
  /** Its name; empty if there is none. */
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
