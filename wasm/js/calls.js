// Assembles tool calls from their pieces. Servers differ in what they repeat: the id, the name, the index, or none of them.

/** Longer arguments are not parsed: their last character decides whether they are complete. */
const LOOKED_AT = 64 << 10;

/** Adds the pieces of one chunk to the calls of a choice. `latest` is the call that was last added to. Returns the new latest call. */
export function addCalls(calls, latest, pieces, budget) {
  // One chunk rarely contains two pieces of one call. Such pieces are mostly two calls with a repeated index.
  const touched = new Set();
  for (const piece of pieces) {
    let call = route(calls, latest, piece, touched);
    if (call === undefined) {
      budget.oneMore(calls.length, "tool calls in a choice");
      budget.take(64);
      call = { id: "", type: "function", function: { name: "", arguments: "" } };
      // After equal indices, so that calls under one index keep the order of arrival.
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
  const { name, arguments: text } = piece.function ?? {};
  const known = call.function.name;
  // A name arrives complete, repeated with every piece, or in pieces.
  if (name && name !== known) call.function.name = name.startsWith(known) ? budget.append(known, name.slice(known.length)) : budget.append(known, name);
  if (typeof text === "string") call.function.arguments = budget.append(call.function.arguments, text);
  budget.merge(call.function, piece.function ?? {}, OF_FUNCTION);
  budget.merge(call, piece, OF_CALL);
}

const OF_FUNCTION = new Set(["name", "arguments", "__proto__"]);
const OF_CALL = new Set(["id", "index", "type", "function", "__proto__"]);

/** The call of a piece: by id, then by index, then the latest one; undefined if it begins a new one. */
function route(calls, latest, piece, touched) {
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
  const named = name !== "" && call.function.name !== "";
  // Without a name, it continues the existing call, whatever its id is.
  if (!named) return id && call.id === "" && touched.has(call) ? undefined : call;
  if (piece.index == null || touched.has(call)) return undefined;
  if (id && call.id) return call.function.name === name && !isWhole(call.function.arguments) ? call : undefined;
  if (call.function.name === name) return call;
  // Pieces of a name arrive before the arguments.
  return call.function.arguments === "" ? call : undefined;
}

function isWhole(text) {
  const end = text.trimEnd().at(-1) ?? "";
  if (text.length > LOOKED_AT) return end === "}" || end === "]";
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
