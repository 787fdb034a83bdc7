/** What is sent: plain objects with the names of the wire. What is left out has the server's default. */

/** The place for fields that this package has no name for. */
export interface Extra {
  /** Fields that are sent beside the others as they are, and before them where the names are equal. */
  extra_body?: Record<string, unknown> | undefined;
}

/** A JSON schema. */
export type JsonSchema = Record<string, unknown>;

/** Sampler parameters. Constraints that are not valid (schema, regex, grammar) are ignored by the server without a word. */
export interface SamplingOptions extends Extra {
  /**
   * The most tokens to generate. Unset or 0 fills the context; a streamed completion fails without it. The current backend
   * generates one token fewer than asked for above 1.
   */
  max_tokens?: number | undefined;
  /** The fewest tokens to generate; default 0. More than `max_tokens` is an internal error of the server. */
  min_tokens?: number | undefined;
  /**
   * Strings and token ids that end the output; they are not part of it. Text is held back as long as it could still become
   * one of them.
   */
  stop?: string | number | (string | number)[] | undefined;
  /** Strings that the output may not contain. */
  banned_strings?: string | string[] | undefined;
  /** Ids of tokens that are never sampled. */
  banned_tokens?: number[] | undefined;
  /** Ids of the only tokens to sample. No effect on the current backend. */
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
   * The least probability, as a share of the likeliest token's; 0 to 1 (not validated by the server, which fails beyond),
   * default 0, which is off.
   */
  min_p?: number | undefined;
  /** Tail-free sampling; default 1, which is off. No effect on the current backend. */
  tfs?: number | undefined;
  /** Locally typical sampling; above 0 to 1, default 1, which is off. No effect on the current backend. */
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
  /** A factor on tokens that occurred; above 0, default 1, which is off. */
  repetition_penalty?: number | undefined;
  /** How many tokens back the penalties look; default -1, all of them. */
  penalty_range?: number | undefined;
  /** Over how many more tokens the penalties fade out; default 0. */
  repetition_decay?: number | undefined;
  /** Default 0, which is off. No effect on the current backend. */
  dry_multiplier?: number | undefined;
  /** Default 0. No effect on the current backend. */
  dry_base?: number | undefined;
  /** Default 0. No effect on the current backend. */
  dry_allowed_length?: number | undefined;
  /** Default 0. No effect on the current backend. */
  dry_range?: number | undefined;
  /** Strings at which DRY starts over. No effect on the current backend. */
  dry_sequence_breakers?: string | string[] | undefined;
  /**
   * Default 0, which is off. No effect on the current backend. Servers of 2025 also take a flag of the name `mirostat`, to
   * be sent as `extra`.
   */
  mirostat_mode?: number | undefined;
  /** Default 1.5. No effect on the current backend. */
  mirostat_tau?: number | undefined;
  /** Default 0.3. No effect on the current backend. */
  mirostat_eta?: number | undefined;
  /**
   * Whether the prompt gets the model's begin token; the model's own setting by default. Chat discards it: the template
   * decides.
   */
  add_bos_token?: boolean | undefined;
  /** Whether the end token is never sampled; default false. No effect on the current backend. */
  ban_eos_token?: boolean | undefined;
  /** What is added to the logits of tokens, by id. Ids beyond the vocabulary are ignored; there is no range. */
  logit_bias?: Record<number, number> | undefined;
  /** A JSON schema that the output is held to: an object, OpenAI's wrapper `{"name", "schema"}`, or JSON text. */
  json_schema?: JsonSchema | string | undefined;
  /** A regular expression that the output is held to. */
  regex_pattern?: string | undefined;
  /** A grammar that the output is held to, in Lark or GBNF. */
  grammar_string?: string | undefined;
  /**
   * Dynamic temperature's upper end; from 0, default 1; below `min_temp` is an internal error of the server. No effect on
   * the current backend.
   */
  max_temp?: number | undefined;
  /** Dynamic temperature's lower end; from 0, default 1. No effect on the current backend. */
  min_temp?: number | undefined;
  /** Dynamic temperature's exponent; from 0, default 1. No effect on the current backend. */
  temp_exponent?: number | undefined;
  /**
   * Whether log probabilities are reported (1), and above 1 also of how many alternatives; default 0. More than the
   * vocabulary has is an error.
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
   * How strongly the prompt guides against `negative_prompt`; default 1, which is off. Known to servers of 2025, ignored by
   * current ones.
   */
  cfg_scale?: number | undefined;
  /** What `cfg_scale` guides away from. Known to servers of 2025, ignored by current ones. */
  negative_prompt?: string | undefined;
  /**
   * How many tokens of room are made when the context is full; default 512. Known to servers of 2025, ignored by current
   * ones.
   */
  generate_window?: number | undefined;
  /** Whether special tokens are left out of the text; default true. Known to servers of 2025, ignored by current ones. */
  skip_special_tokens?: boolean | undefined;
  /** Whether n-grams of the text so far are used as a draft. Known to servers of 2025, ignored by current ones. */
  speculative_ngram?: boolean | undefined;
}

/** A conversation to go on with. */
export interface ChatRequest extends SamplingOptions {
  /** The conversation so far. Many templates refuse an empty one. */
  messages: ChatMessage[];
  /**
   * Another model's directory. Ignored unless the server loads models inline, which takes the admin key; otherwise it only
   * turns the answer that no model is loaded into an internal error.
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
  functions?: Record<string, unknown>[] | undefined;
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
   * Whether to go on with the last message in place of answering it; default false. It takes `add_generation_prompt(false)`
   * and a last message with text.
   */
  continue_final_message?: boolean | undefined;
  /** Whether the template ends with the start of an answer; default true. */
  add_generation_prompt?: boolean | undefined;
  /** Variables for the template; they go before `reasoning` and the flat fields. */
  template_vars?: Record<string, unknown> | undefined;
  /** Another template. No effect on the current server; switch templates with `tabby.templates`. */
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
}

/** A message of a conversation. */
export interface ChatMessage {
  /** Who speaks. Templates know these, and few know all of them. */
  role: "system" | "developer" | "user" | "assistant" | "tool" | "function";
  /** Text, or parts of it with images between them. */
  content?: string | ContentPart[] | null | undefined;
  /** What the model thought before it answered. */
  reasoning_content?: string | null | undefined;
  /** The calls that the model made. */
  tool_calls?: ToolCall[] | null | undefined;
  /** The call that this is the result of. */
  tool_call_id?: string | null | undefined;
  /** Who speaks, by name, for templates that know it; the current server drops it. */
  name?: string | null | undefined;
}

/** A part of a message. */
export type ContentPart =
  | { type: "text"; text: string }
  /** An image, as `data:` address or one that the server can fetch. Models without vision drop it without a word. */
  | { type: "image_url"; image_url: { url: string } };

/** A call that the model made. */
export interface ToolCall {
  /** Names the call for its result. */
  id: string;
  /** What is called; a function. */
  type: "function" | (string & {});
  /** The name of the function, and its arguments as JSON text. */
  function: { name: string; arguments: string };
  /** Its place among the calls of a message. */
  index?: number | null | undefined;
}

/** A function that the model may call. The server wants all of these. */
export interface Tool {
  /** What it is. */
  type: "function";
  /** Its name, what it does in words for the model, and the JSON schema of its arguments. */
  function: { name: string; description: string; parameters: JsonSchema };
}

/** Which function the model is to call; the server enforces `none` alone. */
export type ToolChoice = "none" | "auto" | "required" | { type: "function"; function: { name: string } };

/** The form that the output is held to: any object, or one of a schema. The server ignores other words. */
export type ResponseFormat = { type: "text" } | { type: "json" } | { type: "json_schema"; json_schema: JsonSchema };

/** How a streamed answer is delivered. */
export interface StreamOptions {
  /** Whether usage comes with it; of whole answers too. This package asks for it unless this is set. */
  include_usage?: boolean | undefined;
}

/** Reasoning options in one. */
export interface ReasoningOptions {
  /** How hard, in the template's words. */
  effort?: string | undefined;
  /** Whether at all. */
  enabled?: boolean | undefined;
  /** The most tokens of it; negative is unset. */
  max_tokens?: number | undefined;
}

/** A text to go on with. */
export interface CompletionRequest extends SamplingOptions {
  /** The text. The choice of prompt `p`, try `k`, has the index `p * n + k`. */
  prompt: string | string[];
  /**
   * Another model's directory. Ignored unless the server loads models inline, which takes the admin key; otherwise it only
   * turns the answer that no model is loaded into an internal error.
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
}

/** Texts to turn into vectors. */
export interface EmbeddingsRequest extends Extra {
  /** The texts; at least one. The server takes no token ids. */
  input: string | string[];
  /** How the vectors travel; base64 by default here. They are `Float32Array`s either way. */
  encoding_format?: "float" | "base64" | undefined;
  /** Ignored by the server: the loaded embedding model answers. */
  model?: string | undefined;
}

/** Which model to load, and how. What is left out comes from the server's configuration. */
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
   * How the cache is quantised: `FP16` (default), `Q8`, `Q6`, `Q4`, or bits of keys and values such as `5,4` (2 to 8).
   * Anything else silently means `FP16`.
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
  rope_alpha?: number | "auto" | (string & {}) | undefined;
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

/** Which draft model to load along, and how. */
export interface DraftModel {
  /** The directory under the server's draft model directory. */
  draft_model_name: string;
  /** Linear RoPE scaling; by default the model's own. */
  draft_rope_scale?: number | undefined;
  /** NTK RoPE scaling; by default found out. */
  draft_rope_alpha?: number | "auto" | (string & {}) | undefined;
  /** Memory to use on each GPU, in GB; empty by default. */
  draft_gpu_split?: number[] | undefined;
}

/** What to download from the Hugging Face hub, and where to. */
export interface DownloadRequest extends Extra {
  /** The repository, as `namespace/name`. */
  repo_id: string;
  /** What it holds, which decides the directory; a model by default. */
  repo_type?: "model" | "lora" | (string & {}) | undefined;
  /** The name of the directory to make; by default the repository's own. One that exists is refused. */
  folder_name?: string | undefined;
  /** The branch, tag or commit; by default the main branch. */
  revision?: string | undefined;
  /** The token for private repositories; by default the server's own. */
  token?: string | undefined;
  /** Patterns of the files to download, such as `*.safetensors`; all by default. */
  include?: string | string[] | undefined;
  /** Patterns of the files to leave out; none by default. */
  exclude?: string | string[] | undefined;
  /** How many pieces of a file are downloaded at once; the server decides by default. */
  chunk_limit?: number | undefined;
  /** Seconds for the whole download, on the server; none by default. Past it the error has the code `download_timeout`. */
  timeout?: number | undefined;
}

/** Which embedding model to load, and where. */
export interface EmbeddingLoadRequest extends Extra {
  /** The directory under the server's embedding model directory. */
  embedding_model_name: string;
  /** `cpu` (default), `auto`, or one of torch's, such as `cuda`. */
  embeddings_device?: string | undefined;
}

/** Which LoRAs to load. */
export interface LoraLoadRequest extends Extra {
  /** Their directories, and the weight of each; 1 by default. */
  loras: { name: string; scaling?: number | undefined }[];
  /** Has no effect on current servers. */
  skip_queue?: boolean | undefined;
}

/** A text or a conversation to turn into tokens. */
export interface EncodeRequest extends Extra {
  /** Whether the model's begin token comes first, if it has one; default true. */
  add_bos_token?: boolean | undefined;
  /**
   * Whether the texts of special tokens, such as `<|im_end|>`, become those; default true. Models for which they are
   * ordinary vocabulary do so in any case.
   */
  encode_special_tokens?: boolean | undefined;
  /** No effect on encoding; default true. */
  decode_special_tokens?: boolean | undefined;
  /** Variables for the chat template. Servers of 2025 do not know them. */
  template_vars?: Record<string, unknown> | undefined;
  /** What to encode. */
  text: string | ChatMessage[];
}

/** Tokens to turn into text. */
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

/** An override of a sampling parameter. */
export interface Override {
  /** The value. */
  override: unknown;
  /** Whether it replaces what a request says; else it is the default. */
  force?: boolean | undefined;
  /** Whether it is added to what a request says; for lists. */
  additive?: boolean | undefined;
}

/** A text to go on with, in the KoboldAI API. */
export interface KoboldRequest extends Extra {
  /** The text. */
  prompt: string;
  /** The most tokens to generate. */
  max_length?: number | undefined;
  /** The name under which this generation can be ended. */
  genkey?: string | undefined;
}
