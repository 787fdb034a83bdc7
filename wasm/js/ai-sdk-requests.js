// Converts calls of the AI SDK to requests, with warnings about unsupported settings.

import { UnsupportedError } from "./ai-sdk-errors.js";
import { described } from "./toolset.js";

/** The request. `form` is the response format to add once the model calls no more tools. */
export function requestOf(modelId, options) {
  const warnings = [];
  const unsupported = (feature, details) => warnings.push({ type: "unsupported", feature, details });
  const { prompt, seed, responseFormat, reasoning, providerOptions } = options;
  const request = { messages: prompt.flatMap((message) => messagesOf(message, unsupported)) };
  if (modelId) request.model = modelId;
  const fields = {
    max_tokens: options.maxOutputTokens,
    temperature: options.temperature,
    top_p: options.topP,
    top_k: options.topK,
    stop: options.stopSequences?.length ? options.stopSequences : undefined,
    presence_penalty: penalty(options.presencePenalty, "presencePenalty", unsupported),
    frequency_penalty: penalty(options.frequencyPenalty, "frequencyPenalty", unsupported),
  };
  for (const name in fields) if (fields[name] !== undefined) request[name] = fields[name];
  if (seed != null) unsupported("seed", "the server uses its own");
  if (reasoning === "none") request.enable_thinking = false;
  else if (reasoning && reasoning !== "provider-default") Object.assign(request, { enable_thinking: true, reasoning_effort: reasoning });
  const form = responseFormat?.type === "json" ? formOf(responseFormat) : undefined;
  const hasTools = withTools(request, options, warnings, unsupported);
  Object.assign(request, providerOptions?.tabbyapi);
  if (!form) return { request, warnings };
  if (hasTools) return { request, form: { ...form, tool_choice: "none" }, warnings };
  return { request: { ...request, ...form }, warnings };
}

const formOf = ({ schema }) => ({ response_format: schema ? { type: "json_schema", json_schema: schema } : { type: "json" } });

/** The server rejects penalties below 0. */
function penalty(value, feature, unsupported) {
  if (value == null) return undefined;
  if (value >= 0) return value;
  unsupported(feature, "the server rejects values below 0");
  return undefined;
}

/** Adds the tools, with the descriptions that the server requires. Returns whether the model may call any. */
function withTools(request, { tools, toolChoice }, warnings, unsupported) {
  const sent = [];
  for (const tool of tools ?? []) {
    if (tool.type === "function") sent.push(described({ type: "function", function: { name: tool.name, description: tool.description, parameters: tool.inputSchema } }));
    else unsupported(`the tool ${tool.id}`, "the server has no tools of its own");
  }
  if (sent.length === 0) return false;
  request.tools = sent;
  if (!toolChoice) return true;
  const { type, toolName } = toolChoice;
  request.tool_choice = type === "tool" ? { type: "function", function: { name: toolName } } : type;
  if (type === "tool" || type === "required") warnings.push({ type: "compatibility", feature: "toolChoice", details: "the server only enforces `none`; the template may ask the model for the others" });
  return type !== "none";
}

function messagesOf({ role, content }, unsupported) {
  if (role === "system") return [{ role, content }];
  if (role === "user") return [{ role, content: userContent(content) }];
  if (role === "assistant") return [assistantMessage(content, unsupported)];
  return content.flatMap((part) => {
    if (part.type === "tool-result") return [{ role: "tool", tool_call_id: part.toolCallId, content: outputText(part.output) }];
    unsupported(`a part of the type ${part.type}`);
    return [];
  });
}

/** A message with only text stays text, which templates support best. */
function userContent(parts) {
  if (parts.every(({ type }) => type === "text")) return parts.map(({ text }) => text).join("");
  return parts.map((part) => (part.type === "text" ? { type: "text", text: part.text } : imageOf(part)));
}

function imageOf({ mediaType, data }) {
  if (data.type === "text") return { type: "text", text: data.text };
  const isImage = mediaType === "image" || mediaType.startsWith("image/");
  if (!isImage || data.type === "reference") throw new UnsupportedError(`files of the type ${mediaType}`);
  if (data.type === "url") return { type: "image_url", image_url: { url: String(data.url) } };
  const base64 = typeof data.data === "string" ? data.data : base64Of(data.data);
  const type = mediaType.includes("/") && !mediaType.endsWith("*") ? mediaType : "image/png";
  return { type: "image_url", image_url: { url: `data:${type};base64,${base64}` } };
}

function base64Of(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

function assistantMessage(parts, unsupported) {
  const message = { role: "assistant", content: "" };
  const calls = [];
  for (const part of parts) {
    if (part.type === "text") message.content += part.text;
    else if (part.type === "reasoning") message.reasoning_content = (message.reasoning_content ?? "") + part.text;
    else if (part.type === "tool-call") {
      const text = typeof part.input === "string" ? part.input : JSON.stringify(part.input ?? {});
      calls.push({ id: part.toolCallId, type: "function", function: { name: part.toolName, arguments: text } });
    } else unsupported(`a part of the type ${part.type} in a response`);
  }
  if (calls.length > 0) message.tool_calls = calls;
  if (message.content === "" && calls.length > 0) message.content = null;
  return message;
}

function outputText(output) {
  if (output.type === "text" || output.type === "error-text") return output.value;
  if (output.type === "execution-denied") return output.reason ?? "The call was denied.";
  if (output.type === "content") return output.value.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join("");
  return JSON.stringify(output.value) ?? "null";
}
