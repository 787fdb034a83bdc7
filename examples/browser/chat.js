// A chat page: connect, choose and load a model, chat. Open it through any static file server, for example
// `npx http-server .` in the root of the repository, at /examples/browser/.
//
// Without a bundler, the package is imported from its build folder; with one, import `tabbyapi`.
import { Tabby, TabbyError } from "../../wasm/dist/web.js";

const $ = (id) => document.getElementById(id);
const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

let tabby;
let stream;
const messages = [];

/** On narrow screens, the settings are hidden once they are made. */
const isSmall = matchMedia("(max-width: 40rem), (max-height: 30rem)");
const log = $("log");

/** Updates the conversation, and scrolls to the end unless the reader has scrolled up. */
function grow(change) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  change();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

/** The message of an error, which also says what to do. */
const tell = (error) => say(error instanceof TabbyError ? error.message : String(error), true);

$("connect").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { url, apiKey, adminKey } = Object.fromEntries(new FormData(event.target));
  try {
    const client = new Tabby({ baseURL: url, apiKey, adminKey });
    const [models, current] = await Promise.all([client.models.list(), client.models.current().catch(() => undefined)]);
    tabby = client;
    const names = models.data.map(({ id }) => id).sort();
    $("load").elements.model.replaceChildren(...names.map((name) => make("option", { value: name, selected: name === current?.id }, name)));
    $("load").hidden = !adminKey;
    $("send").disabled = false;
    if (isSmall.matches && current) $("settings").open = false;
    say(current ? `Connected; ${current.id} is loaded.` : "Connected; no model is loaded.");
    $("ask").elements.text.focus();
  } catch (error) {
    tell(error);
  }
});

$("load").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = event.target.elements.model.value;
  const bar = $("bar");
  bar.hidden = $("modules").hidden = false;
  bar.value = 0;
  say(`Loading ${name}.`);
  try {
    const load = tabby.models.load({ model_name: name });
    for await (const { model_type, module, modules } of load) {
      bar.value = modules ? module / modules : 0;
      $("modules").textContent = `${module} of ${modules} modules (${model_type})`;
    }
    await load.finalReport();
    say(`${name} is loaded.`);
  } catch (error) {
    tell(error);
  }
  bar.hidden = $("modules").hidden = true;
});

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.text;
  if (!tabby || stream || !field.value.trim()) return;
  answer(field.value.trim());
  field.value = "";
});

$("ask").elements.text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("ask").requestSubmit();
});
document.addEventListener("keydown", (event) => event.key === "Escape" && stream?.abort());
$("stop").addEventListener("click", () => stream?.abort());

async function answer(text) {
  const question = make("article", { className: "user" }, make("h2", {}, "You"), make("div", { className: "text" }, text));
  messages.push({ role: "user", content: text });
  say("");
  for (const failure of log.querySelectorAll(".failure")) failure.remove();

  const body = make("div", { className: "text" });
  const thoughts = make("div", { className: "text" });
  const folded = make("details", { hidden: true }, make("summary", {}, "Reasoning"), thoughts);
  const calls = make("div");
  const rate = make("p", { className: "rate" });
  const answered = make("article", {}, make("h2", {}, "Model"), folded, body, calls, rate);
  log.append(question, answered);
  log.scrollTop = log.scrollHeight;

  stream = tabby.chat.stream({ messages });
  $("stop").disabled = false;
  $("send").disabled = true;
  const begun = performance.now();
  let first;
  let pieces = 0;
  let error;
  try {
    for await (const chunk of stream) {
      const delta = chunk.choices[0]?.delta ?? {};
      grow(() => {
        if (delta.reasoning_content) {
          folded.hidden = false;
          thoughts.append(delta.reasoning_content);
        }
        if (delta.content) body.append(delta.content);
        for (const { function: called } of delta.tool_calls ?? []) {
          calls.append(make("details", { open: true }, make("summary", {}, `Calls ${called?.name ?? "a tool"}`), make("pre", {}, called?.arguments ?? "")));
        }
      });
      if (!delta.content && !delta.reasoning_content) continue;
      first ??= performance.now();
      pieces += 1;
      const seconds = (performance.now() - first) / 1000;
      if (seconds > 0) rate.textContent = `${(pieces / seconds).toFixed(1)} tokens per second, the first after ${Math.round(first - begun)} ms`;
    }
  } catch (caught) {
    error = caught;
  }
  const { message } = stream.soFar.choices[0] ?? {};
  const stopped = !error && !stream.outcome;
  const said = message?.content || message?.reasoning_content || message?.tool_calls?.length;
  const isWhole = !error && !stopped;
  // The received text stays visible, whether the response is complete, stopped or broken.
  if (isWhole && !said) body.append("(an empty answer)");
  if (stopped && said) rate.textContent += ", stopped";
  if (isWhole || message?.content) {
    messages.push(message ?? { role: "assistant", content: "" });
  } else {
    // The question is removed, since templates require alternating questions and answers.
    messages.pop();
    if (!said) for (const block of [question, answered]) block.remove();
    $("ask").elements.text.value ||= text;
  }
  // Where the reader looks: at the end of the conversation.
  if (error) grow(() => log.append(make("p", { className: "bad failure", role: "alert" }, error instanceof TabbyError ? error.message : String(error))));
  body.hidden = !body.textContent;
  $("announce").textContent = error ? "" : stopped ? "Stopped." : `Answer: ${message?.content ?? ""}`;
  stream = undefined;
  $("stop").disabled = true;
  $("send").disabled = false;
  $("ask").elements.text.focus();
}
