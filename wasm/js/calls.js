// Tool calls out of their pieces. Servers differ in what they repeat: the id, the name, the index, or none of them.

/** Adds the pieces of one chunk to the calls of a choice. `latest` is the call that was last added to; gives the one that is now. */
export function addCalls(calls, latest, pieces, looks, budget) {
  // One chunk never holds two pieces of one call that have a name: what looks like it are two calls with a repeated index.
  const touched = new Set();
  for (const piece of pieces) {
    let call = route(calls, latest, piece, touched, looks);
    if (call === undefined) {
      budget.oneMore(calls.length, "tool calls in a choice");
      budget.take(64);
      call = { id: "", type: "function", function: { name: "", arguments: "" } };
      // After its equals, so that calls under one index keep the order in which they came.
      const after = piece.index == null ? calls.length - 1 : calls.findLastIndex((c) => c.index == null || c.index <= piece.index);
      calls.splice(after + 1, 0, call);
    }
    latest = call;
    touched.add(call);
    add(call, piece, budget);
  }
  return latest;
}

function add(call, piece, budget) {
  if (piece.id && !call.id) call.id = budget.append("", piece.id);
  if (call.index == null && piece.index != null) call.index = piece.index;
  if (piece.type) call.type = piece.type;
  const { function: called } = call;
  const { name, arguments: text } = piece.function ?? {};
  // A name comes whole, perhaps late, perhaps again with every piece; or in pieces, before the arguments.
  if (name && name !== called.name) {
    const inPieces = called.arguments.trim() === "" && !name.startsWith(called.name);
    called.name = budget.append(inPieces ? called.name : "", name);
  }
  if (typeof text === "string") {
    // An empty object was there before there were any.
    if (called.arguments === "{}" && text.trimStart().startsWith("{")) called.arguments = "";
    called.arguments = budget.append(called.arguments, text);
  }
  budget.merge(called, piece.function ?? {}, OF_FUNCTION);
  budget.merge(call, piece, OF_CALL);
}

const OF_FUNCTION = new Set(["name", "arguments", "__proto__"]);
const OF_CALL = new Set(["id", "index", "type", "function", "__proto__"]);

/** The call that a piece belongs to: by id, then by index, then the latest one; undefined if it begins a new one. */
function route(calls, latest, piece, touched, looks) {
  const id = piece.id ?? "";
  const name = piece.function?.name ?? "";
  if (id) {
    const same = latest?.id === id ? latest : calls.find((call) => call.id === id);
    if (same) return same;
  }
  let call;
  if (piece.index == null) call = latest ?? calls.at(-1);
  else call = latest?.index === piece.index ? latest : calls.findLast((other) => other.index === piece.index);
  if (call === undefined) return undefined;
  // Whatever its id, nothing can be called by it alone.
  if (!name) return call;
  // The name is late, and the id perhaps too.
  if (!call.function.name) return !id || !touched.has(call) ? call : undefined;
  if (touched.has(call)) return undefined;
  const nothingMore = (piece.function.arguments ?? "").trim() === "";
  const [repeated, begun] = [call.function.name === name, call.function.arguments.trim() !== ""];
  const isWhole = () => looks.areWhole(call.function.arguments);
  let same;
  if (piece.index != null) {
    // A name in pieces, or repeated with each piece of the arguments; or another id with each piece.
    if (!id) same = !begun || (repeated && (nothingMore || !isWhole()));
    else same = repeated && (call.id !== "" || begun) && !(begun && isWhole());
  } else {
    same = id ? repeated && begun && call.id !== "" && !isWhole() : !begun && call.id !== "";
  }
  return same ? call : undefined;
}

/** No more characters of arguments are looked at in a stream: who repeats names could have all of them looked at each time. */
const LOOKS = 1 << 20;

/** Tells whether arguments are complete, so that what comes next is probably another call. */
export class Looks {
  #left = LOOKS;

  areWhole(text) {
    if (text.length > this.#left) return false;
    this.#left -= text.length;
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }
}
