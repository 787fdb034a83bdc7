"use client";
import { useState } from "react";
import { fromReadableStream } from "tabbyapi";

export default function Page() {
  const [answer, setAnswer] = useState("");
  const [failure, setFailure] = useState();

  async function send(event) {
    event.preventDefault();
    const messages = [{ role: "user", content: new FormData(event.currentTarget).get("content") }];
    setFailure(undefined);
    const stream = fromReadableStream(fetch("/api/chat", { method: "POST", body: JSON.stringify({ messages }) }));
    try {
      for await (const _ of stream) setAnswer(stream.soFar.choices[0]?.message.content ?? "");
    } catch (error) {
      setFailure(error.message);
    }
  }

  return (
    <main>
      <form onSubmit={send}>
        <input name="content" aria-label="Message" required />
        <button>Send</button>
      </form>
      <p aria-live="polite">{answer}</p>
      {failure && <p role="alert">{failure}</p>}
    </main>
  );
}
