// The tools of a run: by name, as definitions for the server, and their calls.

import { misuse } from "./error.js";
import { readJson } from "./json.js";
import { wordsOf } from "./secrets.js";
import { jsonSchemaOf, placeOf, validated } from "./standard.js";
import { failure } from "./toolfailure.js";

/** Tools by name, from a list or an object. Plain definitions, which are not run, are separate. */
export function named(given) {
  if (given == null) return { runnable: new Map(), definitions: [] };
  if (typeof given !== "object") throw misuse("`tools` must be a list of tools, or an object of them by name");
  const entries = Array.isArray(given) ? given.map((tool) => [tool?.name, tool]) : Object.entries(given);
  const runnable = new Map();
  const definitions = [];
  for (const [name, tool] of entries) {
    if (tool?.type === "function" && typeof tool.run !== "function" && typeof tool.function === "object") {
      definitions.push(described(tool));
      continue;
    }
    if (typeof name !== "string" || name === "") throw misuse("each tool needs a `name`");
    if (typeof tool.run !== "function") throw misuse(`the tool \`${name}\` has no function \`run\``);
    // The last tool with a name wins.
    runnable.delete(name);
    runnable.set(name, tool);
  }
  return { runnable, definitions };
}

/** The definition of a tool. The server requires a description and parameters. */
export function definitionOf(name, { description, parameters, jsonSchema }) {
  const schema = parameters === undefined && jsonSchema === undefined ? NO_PARAMETERS : jsonSchemaOf(parameters, jsonSchema);
  return { type: "function", function: { name, description: description || schema.description || wordsIn(name), parameters: schema } };
}

/** A plain definition, completed with the fields that the server requires. */
export function described(tool) {
  const { name, description, parameters, ...rest } = tool.function ?? {};
  const made = { name, description: description || parameters?.description || wordsIn(String(name)), parameters: parameters ?? NO_PARAMETERS };
  return { ...tool, function: { ...rest, ...made } };
}

const NO_PARAMETERS = { type: "object", properties: {} };

/** The words of a name: `get_weather` and `getWeather` become "Get weather.". */
function wordsIn(name) {
  const words = name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_\W]+/g, " ").trim().toLowerCase();
  return words === "" ? "A function." : `${words[0].toUpperCase()}${words.slice(1)}.`;
}

/** Runs a call. Resolves to `{ text }` or `{ failure }`, and never rejects. */
export async function called(tools, call, signal) {
  const { name, arguments: text } = call.function ?? {};
  const tool = tools.get(name);
  if (!tool) return { failure: failure("unknown_tool", `there is no tool \`${name}\`; the tools are: ${[...tools.keys()].join(", ")}`) };
  const read = await argumentsOf(tool, text);
  if (read.failure) return read;
  try {
    return written(await tool.run(read.value, { call, signal }));
  } catch (error) {
    return { failure: failure("failed", typeof error?.message === "string" ? error.message : wordsOf(error)) };
  }
}

async function argumentsOf({ parameters }, given) {
  const bad = (message) => ({ failure: failure("bad_arguments", message) });
  const text = typeof given !== "string" || given.trim() === "" ? "{}" : given;
  const { value, state, at } = readJson(text);
  if (state === "cut") return bad("the arguments are not JSON: they end before their JSON is whole");
  if (state === "broken") return bad(`the arguments are not JSON: unexpected text at character ${at + 1}`);
  if (parameters === undefined) return { value };
  try {
    const result = await validated(parameters, value);
    if (!result.issues) return result;
    const [{ path, message }] = result.issues;
    const place = placeOf(path);
    return bad(place === undefined ? message : `\`${place}\`: ${message}`);
  } catch (error) {
    return bad(`the arguments could not be checked: ${wordsOf(error)}`);
  }
}

/** A result as text: strings unchanged, other values as JSON. */
function written(result) {
  if (typeof result === "string") return { text: result };
  try {
    return { text: JSON.stringify(result) ?? "null" };
  } catch (error) {
    return { failure: failure("failed", `the result could not be written as JSON: ${wordsOf(error).split("\n")[0]}`) };
  }
}
