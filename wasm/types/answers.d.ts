/** What is answered: plain objects with the names of the wire. Fields that a server adds are there, too. */
import type { ChatMessage, Extra, ToolCall } from "./requests.js";

/** A word that servers may add others to. */
export type Open<Words extends string> = Words | (string & {});

/** Why an answer ended; `null` while it goes on. */
export type FinishReason = Open<"stop" | "length" | "tool_calls"> | null;

/** What ended an answer, more closely. */
export type EosReason = Open<"stop_token" | "stop_string" | "max_new_tokens" | "end_filter" | "loop_detected">;

/** What an answer took. */
export interface Usage extends Extra {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** In seconds. */
  prompt_time?: number | null;
  completion_time?: number | null;
  total_time?: number | null;
  /** A number, or the word `Indeterminate` where no time passed. */
  prompt_tokens_per_sec?: number | string | null;
  completion_tokens_per_sec?: number | string | null;
  /** What the prompt's tokens are made of, from servers that report it. */
  prompt_tokens_details?: PromptTokensDetails | null;
  /** What the generated tokens are made of, from servers that report it. */
  completion_tokens_details?: CompletionTokensDetails | null;
}

export interface PromptTokensDetails extends Extra {
  /** Tokens that the server had in its cache. */
  cached_tokens?: number | null;
}

export interface CompletionTokensDetails extends Extra {
  /** Tokens that a draft model proposed and the model accepted. */
  accepted_prediction_tokens?: number | null;
  /** Tokens that a draft model proposed and the model rejected. */
  rejected_prediction_tokens?: number | null;
}

/** A whole answer to a conversation. */
export interface ChatCompletion extends Extra {
  id: string;
  object: Open<"chat.completion">;
  /** In seconds since 1970. */
  created: number;
  /** The directory of the model that answered. */
  model: string;
  choices: ChatChoice[];
  usage?: Usage | null;
}

/** One of the answers. */
export interface ChatChoice extends Extra {
  index: number;
  message: ChatMessage & { content?: string | null };
  finish_reason: FinishReason;
  eos_reason?: EosReason | null;
  logprobs?: ChatLogprobs | null;
}

/** Log probabilities of tokens. Those that are not finite are null. */
export interface ChatLogprobs extends Extra {
  content: (TokenLogprob & { top_logprobs?: TokenLogprob[] })[];
}

/** The log probability of a token. */
export interface TokenLogprob extends Extra {
  token: string;
  token_id?: number;
  logprob: number | null;
}

/** A piece of a streamed answer. */
export interface ChatChunk extends Extra {
  id: string;
  object: Open<"chat.completion.chunk">;
  created: number;
  model: string;
  /** One as a rule; with `n` above 1 those of different answers take turns. */
  choices: ChatChunkChoice[];
  /** In the last chunk, if usage is asked for. */
  usage?: Usage | null;
}

/** A piece of one of the answers. */
export interface ChatChunkChoice extends Extra {
  index: number;
  delta: Delta;
  finish_reason: FinishReason;
  eos_reason?: EosReason | null;
  logprobs?: ChatLogprobs | null;
}

/** What a piece adds. */
export interface Delta extends Extra {
  role?: string;
  content?: string | null;
  reasoning_content?: string | null;
  /** Whole, and all together, from TabbyAPI; in pieces from others. */
  tool_calls?: (Partial<Omit<ToolCall, "function">> & { function?: { name?: string; arguments?: string } })[] | null;
}

/** A whole text. */
export interface Completion extends Extra {
  id: string;
  object: Open<"text_completion">;
  created: number;
  model: string;
  choices: CompletionChoice[];
  usage?: Usage | null;
}

/** One of the texts: that of prompt `p` and answer `k` of `n` has the index `p * n + k`. */
export interface CompletionChoice extends Extra {
  index: number;
  text: string;
  finish_reason: FinishReason;
  eos_reason?: EosReason | null;
  logprobs?: CompletionLogprobs | null;
}

/** Log probabilities, as lists of equal length. */
export interface CompletionLogprobs extends Extra {
  tokens?: string[];
  token_logprobs?: (number | null)[];
  top_logprobs?: (Record<string, number> | null)[];
  text_offset?: number[];
}

/** A piece of a streamed text. */
export interface CompletionChunk extends Extra {
  id: string;
  object: Open<"text_completion">;
  created: number;
  /** The server says the model's name here, and not as `model`. */
  model_name?: string;
  choices: CompletionChoice[];
  usage?: Usage | null;
}

/** Vectors of texts. */
export interface Embeddings extends Extra {
  data: { index: number; embedding: Float32Array; object?: string }[];
  model?: string;
  /** The server counts characters here. */
  usage?: { prompt_tokens: number; total_tokens: number };
}

/** A list. */
export interface List<T> extends Extra {
  object?: Open<"list">;
  data: T[];
}

/** A model. */
export interface ModelCard extends Extra {
  /** The name of its directory. */
  id: string;
  object?: Open<"model">;
  /** When the answer was made, in seconds since 1970. */
  created?: number;
  owned_by?: string;
  /** How it is loaded; not in lists. */
  parameters?: ModelParameters | null;
  logging?: unknown;
}

/** How a model is loaded. */
export interface ModelParameters extends Extra {
  max_seq_len?: number | null;
  cache_size?: number | null;
  cache_mode?: string | null;
  rope_scale?: number | null;
  rope_alpha?: number | null;
  max_batch_size?: number | null;
  chunk_size?: number | null;
  prompt_template?: string | null;
  prompt_template_content?: string | null;
  /** Whether images are understood; else they are silently dropped. */
  use_vision?: boolean | null;
  draft?: ModelCard | null;
}

/** Properties of the loaded model. */
export interface ModelProps extends Extra {
  total_slots?: number | null;
  /** In Jinja; empty if there is none. */
  chat_template: string;
  default_generation_settings: { /** The context size, in tokens. */ n_ctx?: number | null } & Extra;
}

/** How far one part of a load is. */
export interface LoadProgress extends Extra {
  model_type: Open<"vision" | "draft" | "model" | "embedding_model">;
  /** How many modules are loaded, of how many. */
  module: number;
  modules: number;
  /** A finished `model` cannot be used before the stream has ended. */
  status: Open<"processing" | "finished">;
}

/** What a load came to. */
export interface LoadReport {
  parts: { model_type: LoadProgress["model_type"]; module: number; modules: number; finished: boolean }[];
  /** The server did nothing, as this directory was loaded already; `reload` applies other parameters. */
  wasLoadedAlready: boolean;
}

/** A LoRA. */
export interface LoraCard extends Extra {
  id: string;
  scaling?: number | null;
}

/** Tokens of a text. */
export interface Encoded extends Extra {
  tokens: number[];
  length: number;
}

/** Overrides of sampling parameters. */
export interface Overrides extends Extra {
  selected_preset?: string | null;
  /** Those in force, by field. */
  overrides?: Record<string, unknown> | null;
  /** The names of all presets; empty for an API key. */
  presets?: string[];
}

/** The server's view of its own health. It stays unhealthy after one failed generation, although it works on. */
export interface HealthReport extends Extra {
  status: Open<"healthy" | "unhealthy">;
  issues: { time: string; description: string }[];
}

/** What the server is. */
export interface ServiceInfo extends Extra {
  version?: number;
  software: { name: string; repository?: string; homepage?: string };
  api: Record<string, { name: string; relative_url?: string; documentation?: string; version?: number }>;
}

/** Texts of the KoboldAI API. */
export interface KoboldResults extends Extra {
  results: { text: string }[];
}
