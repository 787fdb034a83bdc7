// Checks a value against a JSON schema, by the keywords that describe its shape. Other keywords are ignored.

/** The limit on references and nested schemas. */
const DEEPEST = 128;

/** Returns the first mismatch, as its path and message; `undefined` if there is none. The message quotes nothing of the value. */
export function fault(value, schema, root = schema, path = [], depth = 0) {
  if (schema === false) return { path, message: "nothing is allowed here" };
  if (typeof schema !== "object" || schema === null || depth > DEEPEST) return undefined;
  const inner = (part, name, under) => fault(part, under, root, name === undefined ? path : [...path, name], depth + 1);
  if (typeof schema.$ref === "string") {
    const found = inner(value, undefined, referred(schema.$ref, root));
    if (found) return found;
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOf(value, type))) {
    return { path, message: `expected ${types.join(" or ")}, found ${typeOf(value)}` };
  }
  if ("const" in schema && !same(value, schema.const)) return { path, message: "it is not the one value that is allowed" };
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => same(value, one))) return { path, message: "it is none of the values that are allowed" };
  for (const under of schema.allOf ?? []) {
    const found = inner(value, undefined, under);
    if (found) return found;
  }
  for (const choices of [schema.anyOf, schema.oneOf]) {
    if (!Array.isArray(choices)) continue;
    const faults = choices.map((under) => inner(value, undefined, under));
    // The alternative that matched furthest is the most likely one.
    if (faults.every(Boolean)) return faults.reduce((most, one) => (one.path.length > most.path.length ? one : most));
  }
  if (Array.isArray(value)) return ofList(value, schema, path, inner);
  if (typeof value === "object" && value !== null) return ofObject(value, schema, path, inner);
  return typeof value === "number" ? ofNumber(value, schema, path) : ofText(value, schema, path);
}

function ofObject(value, schema, path, inner) {
  const properties = schema.properties ?? {};
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) return { path, message: `the field \`${name}\` is missing` };
  }
  for (const name of Object.keys(value)) {
    const known = Object.hasOwn(properties, name);
    const isMatched = Object.keys(schema.patternProperties ?? {}).length > 0;
    const under = known ? properties[name] : isMatched ? undefined : schema.additionalProperties;
    if (!known && under === false) return { path, message: "it has a field that is not allowed" };
    const found = inner(value[name], name, under);
    if (found) return found;
  }
  return undefined;
}

function ofList(value, schema, path, inner) {
  if (value.length < schema.minItems) return { path, message: `expected at least ${schema.minItems} entries, found ${value.length}` };
  if (value.length > schema.maxItems) return { path, message: `expected at most ${schema.maxItems} entries, found ${value.length}` };
  const first = schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : []);
  const rest = Array.isArray(schema.items) ? undefined : schema.items;
  for (const [at, entry] of value.entries()) {
    const found = inner(entry, at, at < first.length ? first[at] : rest);
    if (found) return found;
  }
  return undefined;
}

function ofNumber(value, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }, path) {
  if (value < minimum || value <= exclusiveMinimum) return { path, message: `expected a number ${value < minimum ? "from" : "above"} ${minimum ?? exclusiveMinimum}` };
  if (value > maximum || value >= exclusiveMaximum) return { path, message: `expected a number ${value > maximum ? "up to" : "below"} ${maximum ?? exclusiveMaximum}` };
  return undefined;
}

function ofText(value, { minLength, maxLength }, path) {
  if (typeof value !== "string" || (minLength === undefined && maxLength === undefined)) return undefined;
  const length = [...value].length;
  if (length < minLength || length > maxLength) return { path, message: `it has ${length} characters, and another length was asked for` };
  return undefined;
}

const typeOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
const isOf = (value, type) => (type === "integer" ? Number.isInteger(value) : typeOf(value) === type);
const same = (value, one) => value === one || (typeof one === "object" && JSON.stringify(value) === JSON.stringify(one));

/** The schema of a reference within the same document. A reference to another document allows anything. */
function referred(reference, root) {
  if (!reference.startsWith("#")) return undefined;
  let found = root;
  for (const name of reference.slice(1).split("/").slice(1)) {
    const key = name.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
}
