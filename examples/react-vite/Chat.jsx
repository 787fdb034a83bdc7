import { useRef, useState } from "react";

const MOST_TOKENS = 500;

/** A conversation. The response is shown as it streams, and can be stopped. */
export function Chat({ tabby }) {
  const [messages, setMessages] = useState([]);
  const [answer, setAnswer] = useState();
  const [failure, setFailure] = useState();
  const running = useRef();

  async function send(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const asked = [...messages, { role: "user", content: new FormData(form).get("content") }];
    form.reset();
    setMessages(asked);
    setFailure(undefined);
    const stream = (running.current = tabby.chat.stream({ messages: asked, max_tokens: MOST_TOKENS }));
    try {
      for await (const _ of stream) setAnswer(stream.soFar.choices[0]?.message.content ?? "");
    } catch (error) {
      setFailure(error.message);
    }
    // The received text stays, also of a stopped response.
    const content = stream.soFar.choices[0]?.message.content;
    if (content) setMessages([...asked, { role: "assistant", content }]);
    setAnswer(undefined);
  }

  const shown = answer === undefined ? messages : [...messages, { role: "assistant", content: answer }];
  return (
    <main>
      <ol aria-live="polite">
        {shown.map(({ role, content }, index) => (
          <li key={index} data-role={role}>
            {content}
          </li>
        ))}
      </ol>
      {failure && <p role="alert">{failure}</p>}
      <form onSubmit={send}>
        <input name="content" aria-label="Message" required disabled={answer !== undefined} />
        {answer === undefined ? <button>Send</button> : <button type="button" onClick={() => running.current.abort()}>Stop</button>}
      </form>
    </main>
  );
}
