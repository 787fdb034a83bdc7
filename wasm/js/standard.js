// The schemas of callers: Standard Schema (zod, valibot, arktype), or JSON schemas.

import { fault } from "./check.js";
import { misuse } from "./error.js";
import { wordsOf } from "./secrets.js";

const isStandard = (schema) => typeof schema?.["~standard"]?.validate === "function";

/** The JSON schema to send, with its properties in their order. `given` takes precedence over the schema's own conversion. */
export function jsonSchemaOf(schema, given) {
  if (given !== undefined) return checked(given);
  if (!isStandard(schema)) return checked(schema);
  const convert = schema["~standard"].jsonSchema?.input;
  if (typeof convert !== "function") throw misuse(`the schema of ${vendorOf(schema)} cannot be converted to a JSON schema; ${hintFor(schema)}`);
  try {
    const { $schema: _, ...made } = convert({ target: "draft-2020-12" });
    return made;
  } catch (error) {
    throw misuse(`the schema cannot be converted to a JSON schema: ${wordsOf(error)}; pass one as \`jsonSchema\``, error);
  }
}

const vendorOf = (schema) => JSON.stringify(String(schema["~standard"].vendor ?? "an unknown library").slice(0, 32));

function hintFor(schema) {
  if (schema["~standard"].vendor !== "valibot") return "use a newer version of the library, or pass a JSON schema as `jsonSchema`";
  return "wrap it in `toStandardJsonSchema` of `@valibot/to-json-schema`, or pass a JSON schema as `jsonSchema`";
}

function checked(schema) {
  if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) return schema;
  throw misuse("the schema must be a JSON schema (an object) or a Standard Schema, such as those of zod, valibot and arktype");
}

/** Validates a value against a schema. Returns `{ value }`, or `{ issues }`, each with its path and message. */
export async function validated(schema, value) {
  if (isStandard(schema)) {
    const result = await schema["~standard"].validate(value);
    if (!result.issues) return { value: result.value };
    return { issues: result.issues.map(({ path, message }) => ({ path: (path ?? []).map(keyOf), message })) };
  }
  const found = fault(value, schema);
  return found ? { issues: [found] } : { value };
}

const keyOf = (part) => (typeof part === "object" && part !== null ? part.key : part);

/** A path in the syntax of programs, such as `items[0].price`; `undefined` for the value itself. */
export function placeOf(path) {
  const parts = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`));
  return parts.length === 0 ? undefined : parts.join("").replace(/^\./, "");
}
