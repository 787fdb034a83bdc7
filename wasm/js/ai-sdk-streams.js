// Converts a streamed response to the stream parts of the AI SDK.

import { callOf, finishOf, metadataOf, usageOf } from "./ai-sdk-answers.js";

/** `failed` converts an error to one of the AI SDK. */
export function partsOf(stream, warnings, failed, { abortSignal, includeRawChunks }) {
  const parts = streamed(stream, warnings, includeRawChunks);
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { value, done } = await parts.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          const made = failed(error);
          if (abortSignal?.aborted) return controller.error(made);
          controller.enqueue({ type: "error", error: made });
          controller.close();
        }
      },
      async cancel(reason) {
        stream.abort(reason);
        await parts.return().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

async function* streamed(stream, warnings, includeRawChunks) {
  yield { type: "stream-start", warnings };
  let isFirst = true;
  /** The open part: its kind, and the number for its id. */
  let open;
  let count = 0;
  const close = () => {
    const closed = open;
    open = undefined;
    return closed ? [{ type: `${closed.kind}-end`, id: closed.id }] : [];
  };
  for await (const chunk of stream) {
    if (includeRawChunks) yield { type: "raw", rawValue: chunk };
    if (isFirst) yield { type: "response-metadata", id: chunk.id, timestamp: new Date(chunk.created * 1000), modelId: chunk.model };
    isFirst = false;
    const delta = chunk.choices.find(({ index }) => !index)?.delta;
    for (const [kind, text] of [["reasoning", delta?.reasoning_content], ["text", delta?.content]]) {
      if (!text) continue;
      if (open?.kind !== kind) {
        yield* close();
        open = { kind, id: `${kind}-${count++}` };
        yield { type: `${kind}-start`, id: open.id };
      }
      yield { type: `${kind}-delta`, id: open.id, delta: text };
    }
  }
  yield* close();
  const answer = stream.soFar;
  const [choice] = answer.choices;
  // The server sends calls complete.
  for (const [at, call] of (choice?.message?.tool_calls ?? []).entries()) {
    const made = callOf(call, at, answer.id);
    yield { type: "tool-input-start", id: made.toolCallId, toolName: made.toolName };
    yield { type: "tool-input-delta", id: made.toolCallId, delta: made.input };
    yield { type: "tool-input-end", id: made.toolCallId };
    yield made;
  }
  yield { type: "finish", finishReason: finishOf(choice), usage: usageOf(answer.usage), providerMetadata: metadataOf(answer) };
}
