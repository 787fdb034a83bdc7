// Responses whose text or arguments are parsed as JSON.

import { ContentFilterFinishReasonError, LengthFinishReasonError, OpenAIError } from "./openai-errors.js";
import { jsonSchemaOf, placeOf, validated } from "./standard.js";

/** Returns a `response_format` for a schema. `parse` and `stream` then return the value as `parsed`. */
export function responseFormat(schema, name = "answer", { jsonSchema } = {}) {
  const format = { type: "json_schema", json_schema: { name, schema: jsonSchemaOf(schema, jsonSchema), strict: true } };
  const parse = async (text) => {
    const { value, issues } = await validated(schema, structured(text));
    if (!issues) return value;
    const [{ path, message }] = issues;
    throw new OpenAIError(`the answer's JSON has another shape: ${message}${path.length > 0 ? ` (at \`${placeOf(path)}\`)` : ""}`);
  };
  // Like the formats of npm `openai`, which are also accepted.
  return Object.defineProperty(format, "$parseRaw", { value: parse, enumerable: false });
}

/** Whether texts are parsed, or only kept. */
export const parses = (params) => typeof params?.response_format?.$parseRaw === "function" || params?.response_format?.type === "json_schema";

const toolOf = (params, call) => params?.tools?.find((tool) => tool.function?.name === call.function?.name);

/** A tool whose arguments are parsed. */
export const isParsed = (tool) => typeof tool?.$parseRaw === "function" || tool?.function?.strict === true;

/** The response with `parsed` and `parsed_arguments` if there is something to parse, and null otherwise (for streams: only `parsed`). */
export async function parsedCompletion(completion, params, isStreamed = false) {
  const choices = [];
  for (const choice of completion.choices) {
    if (choice.finish_reason === "length" && parses(params)) throw new LengthFinishReasonError();
    if (choice.finish_reason === "content_filter" && parses(params)) throw new ContentFilterFinishReasonError();
    const { message } = choice;
    const calls = message.tool_calls && (await Promise.all(message.tool_calls.map((call) => parsedCall(call, params, isStreamed))));
    const hasText = typeof message.content === "string" && message.content !== "" && !message.refusal && !(calls?.length > 0);
    const parsed = hasText && parses(params) ? await parsedText(message.content, params.response_format) : null;
    const made = { ...message, refusal: message.refusal ?? null, parsed };
    if (calls) made.tool_calls = calls;
    else delete made.tool_calls;
    const logprobs = choice.logprobs ? { ...choice.logprobs, refusal: choice.logprobs.refusal ?? null } : null;
    choices.push({ ...choice, logprobs, message: made });
  }
  return { ...completion, choices };
}

async function parsedCall(call, params, isStreamed) {
  // Calls of other kinds, which another server may make, are passed on unchanged.
  if (typeof call.function !== "object" || call.function === null) return call;
  const tool = toolOf(params, call);
  // The assignment of pieces is no longer needed.
  const { index: _, ...kept } = call;
  const { arguments: text } = call.function;
  const parse = tool?.$parseRaw ?? (isParsed(tool) ? structured : undefined);
  if (!parse && isStreamed) return kept;
  return { ...kept, function: { ...call.function, parsed_arguments: parse ? await parse(text) : null } };
}

const parsedText = (text, format) => (format.$parseRaw ? format.$parseRaw(text) : structured(text));

/** The value of JSON text. The host's own error would quote the text of the model. */
function structured(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError("Error reading response: invalid structured output JSON.");
  }
}
