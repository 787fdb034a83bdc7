// Converts responses of the server to the types of the AI SDK.

/** Reasoning, text and calls. */
export function contentOf({ id, choices: [choice] }) {
  const { reasoning_content: reasoning, content, tool_calls: calls } = choice?.message ?? {};
  const parts = [];
  if (reasoning) parts.push({ type: "reasoning", text: reasoning });
  if (content) parts.push({ type: "text", text: content });
  for (const [at, call] of (calls ?? []).entries()) parts.push(callOf(call, at, id));
  return parts;
}

/** A call. A missing id is generated. */
export function callOf(call, at, id) {
  return { type: "tool-call", toolCallId: call.id || `call_${id || "0"}_${at}`, toolName: call.function?.name ?? "", input: call.function?.arguments || "{}" };
}

const REASONS = { stop: "stop", length: "length", tool_calls: "tool-calls", function_call: "tool-calls", content_filter: "content-filter", error: "error" };

/** The finish reason. A server may also send `stop` for calls. */
export function finishOf(choice) {
  const raw = choice?.finish_reason ?? undefined;
  if (choice?.message?.tool_calls?.length && (raw === "stop" || raw === undefined)) return { unified: "tool-calls", raw };
  return { unified: Object.hasOwn(REASONS, raw ?? "") ? REASONS[raw] : "other", raw };
}

/** The usage. The server does not count reasoning and text separately. */
export function usageOf(usage) {
  const { prompt_tokens: prompt, completion_tokens: completion } = usage ?? {};
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? undefined;
  return {
    inputTokens: { total: prompt, noCache: cached === undefined ? undefined : prompt - cached, cacheRead: cached, cacheWrite: undefined },
    outputTokens: { total: completion, text: undefined, reasoning: undefined },
    ...(usage ? { raw: usage } : {}),
  };
}

const NUMBERS = {
  promptTime: "prompt_time",
  completionTime: "completion_time",
  totalTime: "total_time",
  promptTokensPerSecond: "prompt_tokens_per_sec",
  completionTokensPerSecond: "completion_tokens_per_sec",
};

/** The provider metadata: the reason for the end, times in seconds, rates, log probabilities. */
export function metadataOf({ usage, choices: [choice] }) {
  const known = {};
  if (choice?.eos_reason) known.eosReason = choice.eos_reason;
  if (choice?.stop_str) known.stopString = choice.stop_str;
  for (const [name, field] of Object.entries(NUMBERS)) if (typeof usage?.[field] === "number") known[name] = usage[field];
  if (choice?.logprobs?.content?.length) known.logprobs = choice.logprobs.content;
  return { tabbyapi: known };
}
