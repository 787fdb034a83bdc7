/**
 * What is answered: plain objects with the names of the wire. Fields that a server adds are there, too; `extraOf` of this package gives
 * them a type.
 */
import type { ChatMessage, ToolCall } from "./requests.js";

/** A word that servers may add others to. */
export type Open<Words extends string> = Words | (string & {});

/** Why an answer ended; `null` while it goes on. */
export type FinishReason = Open<"stop" | "length" | "tool_calls"> | null;

/** What ended an answer, more closely. */
export type EosReason = Open<"stop_token" | "stop_string" | "max_new_tokens" | "end_filter" | "loop_detected">;

/** What an answer took. */
export interface Usage {
  /** Tokens of the prompt. */
  prompt_tokens: number;
  /** Tokens that were generated. */
  completion_tokens: number;
  /** Their sum. */
  total_tokens: number;
  /** What the prompt took, in seconds. */
  prompt_time?: number | null;
  /** What generating took, in seconds. */
  completion_time?: number | null;
  /** Their sum, in seconds. */
  total_time?: number | null;
  /** Tokens of the prompt a second: a number, or the word `Indeterminate` where no time passed. */
  prompt_tokens_per_sec?: number | string | null;
  /** Generated tokens a second: a number, or the word `Indeterminate` where no time passed. */
  completion_tokens_per_sec?: number | string | null;
  /** What the prompt's tokens are made of, from servers that report it. */
  prompt_tokens_details?: PromptTokensDetails | null;
  /** What the generated tokens are made of, from servers that report it. */
  completion_tokens_details?: CompletionTokensDetails | null;
}

export interface PromptTokensDetails {
  /** Tokens that the server had in its cache. */
  cached_tokens?: number | null;
}

export interface CompletionTokensDetails {
  /** Tokens that a draft model proposed and the model accepted. */
  accepted_prediction_tokens?: number | null;
  /** Tokens that a draft model proposed and the model rejected. */
  rejected_prediction_tokens?: number | null;
}

/** A whole answer to a conversation. */
export interface ChatCompletion {
  /** The id of the answer, such as `chatcmpl-…`. */
  id: string;
  /** What it is. */
  object: Open<"chat.completion">;
  /** In seconds since 1970. */
  created: number;
  /** The directory of the model that answered. */
  model: string;
  /** The answers. */
  choices: ChatChoice[];
  /** What it took, if that was asked for. */
  usage?: Usage | null;
}

/** One of the answers. */
export interface ChatChoice {
  /** Which of the `n` answers it belongs to, from 0. */
  index: number;
  /** What the model said. */
  message: ChatMessage & { content?: string | null };
  /** Why it ended; `null` while it goes on. */
  finish_reason: FinishReason;
  /** What ended it, more closely, from servers that say so. */
  eos_reason?: EosReason | null;
  /** Log probabilities, if they were asked for. */
  logprobs?: ChatLogprobs | null;
}

/** Log probabilities of tokens. Those that are not finite are null. */
export interface ChatLogprobs {
  /** An entry for each token, with those that were likely in its place. */
  content: (TokenLogprob & { top_logprobs?: TokenLogprob[] })[];
}

/** The log probability of a token. */
export interface TokenLogprob {
  /** The text of the token. */
  token: string;
  /** Its id. */
  token_id?: number;
  /** The natural logarithm of its probability; `null` if that is not finite. */
  logprob: number | null;
}

/** A piece of a streamed answer. */
export interface ChatChunk {
  /** The id of the answer, such as `chatcmpl-…`. */
  id: string;
  /** What it is. */
  object: Open<"chat.completion.chunk">;
  /** When it was made, in seconds since 1970. */
  created: number;
  /** The directory of the model that answered. */
  model: string;
  /** One as a rule; with `n` above 1 those of different answers take turns. */
  choices: ChatChunkChoice[];
  /** In the last chunk, if usage is asked for. */
  usage?: Usage | null;
}

/** A piece of one of the answers. */
export interface ChatChunkChoice {
  /** Which of the `n` answers it belongs to, from 0. */
  index: number;
  /** What it adds. */
  delta: Delta;
  /** Why it ended; `null` while it goes on. */
  finish_reason: FinishReason;
  /** What ended it, more closely, from servers that say so. */
  eos_reason?: EosReason | null;
  /** Log probabilities, if they were asked for. */
  logprobs?: ChatLogprobs | null;
}

/** What a piece adds. */
export interface Delta {
  /** Who speaks; TabbyAPI does not say it in pieces. */
  role?: string;
  /** The text. */
  content?: string | null;
  /** What the model thought before it answered. */
  reasoning_content?: string | null;
  /** Whole, and all together, from TabbyAPI; in pieces from others. */
  tool_calls?: (Partial<Omit<ToolCall, "function">> & { function?: { name?: string; arguments?: string } })[] | null;
}

/** A whole text. */
export interface Completion {
  /** The id of the answer, such as `chatcmpl-…`. */
  id: string;
  /** What it is. */
  object: Open<"text_completion">;
  /** When it was made, in seconds since 1970. */
  created: number;
  /** The directory of the model that answered. */
  model: string;
  /** The answers. */
  choices: CompletionChoice[];
  /** What it took, if that was asked for. */
  usage?: Usage | null;
}

/** One of the texts: that of prompt `p` and answer `k` of `n` has the index `p * n + k`. */
export interface CompletionChoice {
  /** Which of the `n` answers it belongs to, from 0. */
  index: number;
  /** The text. */
  text: string;
  /** Why it ended; `null` while it goes on. */
  finish_reason: FinishReason;
  /** What ended it, more closely, from servers that say so. */
  eos_reason?: EosReason | null;
  /** Log probabilities, if they were asked for. */
  logprobs?: CompletionLogprobs | null;
}

/** Log probabilities, as lists of equal length. */
export interface CompletionLogprobs {
  /** The texts of the tokens. */
  tokens?: string[];
  /** The natural logarithms of their probabilities. */
  token_logprobs?: (number | null)[];
  /** For each token those that were likely in its place. */
  top_logprobs?: (Record<string, number> | null)[];
  /** Where each token begins in the text, in characters. */
  text_offset?: number[];
}

/** A piece of a streamed text. */
export interface CompletionChunk {
  /** The id of the answer, such as `chatcmpl-…`. */
  id: string;
  /** What it is. */
  object: Open<"text_completion">;
  /** When it was made, in seconds since 1970. */
  created: number;
  /** The server says the model's name here, and not as `model`. */
  model_name?: string;
  /** The answers. */
  choices: CompletionChoice[];
  /** What it took, if that was asked for. */
  usage?: Usage | null;
}

/** Vectors of texts. */
export interface Embeddings {
  /** A vector for each text, in the order of the texts. */
  data: { index: number; embedding: Float32Array; object?: string }[];
  /** The directory of the embedding model. */
  model?: string;
  /** The server counts characters here. */
  usage?: { prompt_tokens: number; total_tokens: number };
}

/** A list. */
export interface List<T> {
  /** What it is. */
  object?: Open<"list">;
  /** The entries. */
  data: T[];
}

/** A model. */
export interface ModelCard {
  /** The name of its directory. */
  id: string;
  /** What it is. */
  object?: Open<"model">;
  /** When the answer was made, in seconds since 1970. */
  created?: number;
  /** Who made it, which servers fill in with a constant. */
  owned_by?: string;
  /** How it is loaded; not in lists. */
  parameters?: ModelParameters | null;
  /** What the server logs of requests. */
  logging?: unknown;
}

/** How a model is loaded. */
export interface ModelParameters {
  /** The context size, in tokens. */
  max_seq_len?: number | null;
  /** The size of the cache, in tokens. */
  cache_size?: number | null;
  /** How the cache is quantised, such as `FP16` or `5,4`. */
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
  /** The chat template, in Jinja. */
  prompt_template_content?: string | null;
  /** Whether images are understood; else they are silently dropped. */
  use_vision?: boolean | null;
  /** The draft model that is loaded along. */
  draft?: ModelCard | null;
}

/** Properties of the loaded model. */
export interface ModelProps {
  /** How many generations run at once. */
  total_slots?: number | null;
  /** In Jinja; empty if there is none. */
  chat_template: string;
  /** What generations start from. */
  default_generation_settings: { /** The context size, in tokens. */ n_ctx?: number | null };
}

/** How far one part of a load is. */
export interface LoadProgress {
  /** Which part. */
  model_type: Open<"vision" | "draft" | "model" | "embedding_model">;
  /** How many modules are loaded, of how many. */
  module: number;
  /** How many there are. */
  modules: number;
  /** A finished `model` cannot be used before the stream has ended. */
  status: Open<"processing" | "finished">;
}

/** What a load came to. */
export interface LoadReport {
  /** How far each part came. */
  parts: { model_type: LoadProgress["model_type"]; module: number; modules: number; finished: boolean }[];
  /** The server did nothing, as this directory was loaded already; `reload` applies other parameters. */
  wasLoadedAlready: boolean;
}

/** A LoRA. */
export interface LoraCard {
  /** The name of its directory. */
  id: string;
  /** Its weight; 1 is all of it. */
  scaling?: number | null;
}

/** Tokens of a text. */
export interface Encoded {
  /** The ids of the tokens. */
  tokens: number[];
  /** How many there are. */
  length: number;
}

/** Overrides of sampling parameters. */
export interface Overrides {
  /** The preset in force. */
  selected_preset?: string | null;
  /** Those in force, by field. */
  overrides?: Record<string, unknown> | null;
  /** The names of all presets; empty for an API key. */
  presets?: string[];
}

/** The server's view of its own health. It stays unhealthy after one failed generation, although it works on. */
export interface HealthReport {
  /** Whether nothing failed lately. */
  status: Open<"healthy" | "unhealthy">;
  /** What failed, and when. */
  issues: { time: string; description: string }[];
}

/** What the server is. */
export interface ServiceInfo {
  /** The version of this document. */
  version?: number;
  /** The name of the server and where it comes from. */
  software: { name: string; repository?: string; homepage?: string };
  /** Its APIs, by name. */
  api: Record<string, { name: string; relative_url?: string; documentation?: string; version?: number }>;
}

/** Texts of the KoboldAI API. */
export interface KoboldResults {
  /** The texts; one. */
  results: { text: string }[];
}
