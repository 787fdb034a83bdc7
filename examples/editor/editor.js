// A text field that completes code. The session decides when to send requests, what to send, what to show and what to report. This page has the clock,
// the client and the keys. Open it through any static file server, for example `npx http-server .` in the root of the repository, at
// /examples/editor/.
//
// Without a bundler, the package is imported from its build folder; with one, import `tabbyapi/tabbyml`.
import { CompletionSession, TabbyError, TabbyML } from "../../wasm/dist/tabbyml-browser.js";

const $ = (id) => document.getElementById(id);
const field = $("code");
const now = () => performance.now();

let tabby;
let session;
/** The running calls, by the ids of their requests. */
const calls = new Map();
let timer;

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

/** The message of an error, which also says what to do. */
const fail = (error) => say(error instanceof TabbyError ? error.message : String(error), true);

$("connect").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { url, token } = Object.fromEntries(new FormData(event.target));
  try {
    const client = new TabbyML({ baseURL: url, token, timeout: 30_000 });
    const { model, version } = await client.health.check();
    session?.close();
    session = await CompletionSession.open();
    tabby = client;
    say(model ? `Connected to ${version.git_describe}; ${model} completes.` : "Connected; this server has no model for code.", !model);
    field.focus();
    edited();
  } catch (error) {
    fail(error);
  }
});

/** The position of the cursor. Nothing is completed during a selection. */
function cursor() {
  const { value, selectionStart, selectionEnd } = field;
  if (selectionStart !== selectionEnd) return undefined;
  return { language: "python", filepath: "page.py", prefix: value.slice(0, selectionStart), suffix: value.slice(selectionStart) };
}

/** Reports the position of the cursor. */
function edited() {
  if (!session) return;
  const place = cursor();
  if (place) session.edit(now(), place);
  else session.stop(now());
  act();
}

/** Carries out the actions of the session until it waits, and polls again when it is time. */
function act() {
  clearTimeout(timer);
  for (;;) {
    const action = session.poll(now());
    switch (action.type) {
      case "send":
        send(action.id, action.request);
        break;
      case "cancel":
        calls.get(action.id)?.abort();
        break;
      case "show":
        show(action.suggestion);
        session.shown(now());
        break;
      case "hide":
        show(undefined);
        break;
      case "report":
        // Nothing depends on the result.
        tabby.events.log(action.event).catch(() => {});
        break;
      default:
        if (action.until < Infinity) timer = setTimeout(act, Math.max(action.until - now(), 0));
        return;
    }
  }
}

async function send(id, request) {
  const call = new AbortController();
  const asked = session;
  calls.set(id, call);
  try {
    const response = await tabby.completions.create(request, { signal: call.signal });
    if (asked === session) session.answered(now(), id, response);
  } catch (error) {
    if (asked === session) session.failed(now(), id, error);
    if (error.kind !== "cancelled") fail(error);
  }
  calls.delete(id);
  if (asked === session) act();
}

/** Draws the suggestion behind the field, at the cursor. */
function show(suggestion) {
  const { value, selectionStart } = field;
  const text = suggestion?.text ?? "";
  $("before").textContent = value.slice(0, selectionStart);
  $("ghost").textContent = text;
  // An empty line at the end would be omitted.
  $("after").textContent = `${value.slice(selectionStart + (suggestion?.replace ?? 0))}\n`;
  // The suggestion moves the text after the cursor, which the field cannot do.
  $("editor").classList.toggle("moved", text !== "" && value.slice(selectionStart).trimEnd() !== "");
  $("announce").textContent = text === "" ? "" : `Suggestion: ${text}`;
  scrolled();
}

function scrolled() {
  [$("behind").scrollTop, $("behind").scrollLeft] = [field.scrollTop, field.scrollLeft];
}

/** Inserts a text at the cursor in place of this many characters after it, so that it can be undone. */
function insert(text, replace) {
  field.setSelectionRange(field.selectionStart, field.selectionStart + replace);
  // This is the only way that keeps the field's own undo.
  if (!document.execCommand("insertText", false, text)) field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
}

/** Accepts all of the suggestion, or its next word. */
function accept(word) {
  const { text, replace } = session.suggestion;
  const part = word ? /^\s*(\w+|[^\w\s]+)/.exec(text)?.[0] : undefined;
  const isPart = part !== undefined && part.length < text.length;
  session.accepted(now(), isPart ? part.length : undefined);
  if (!isPart) show(undefined);
  insert(isPart ? part : text, isPart ? 0 : replace);
  edited();
}

field.addEventListener("keydown", (event) => {
  if (!session || event.isComposing) return;
  const isShown = session.suggestion !== undefined;
  if (event.key === "Tab" && isShown && !event.shiftKey) accept(false);
  else if (event.key === "ArrowRight" && event.ctrlKey && isShown) accept(true);
  else if (event.key === "Escape" && isShown) {
    session.dismissed(now());
    act();
  } else if (event.key === " " && event.ctrlKey && cursor()) {
    session.trigger(now(), cursor());
    act();
  } else return;
  event.preventDefault();
});
field.addEventListener("input", edited);
document.addEventListener("selectionchange", () => document.activeElement === field && edited());
field.addEventListener("scroll", scrolled);
field.addEventListener("blur", () => {
  session?.stop(now());
  if (session) act();
});
