// Reads the OpenAPI document, and its operations by service and method.
import { readFileSync } from "node:fs";

/** Returns a copy of the document that may be changed. */
export const readDocument = () => JSON.parse(readFileSync(new URL("../../openapi.json", import.meta.url), "utf8"));

const camel = (name) => name.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());
const nameOf = ({ $ref }) => $ref?.split("/").at(-1);

/** The services of the document, each with its operations. */
export function servicesOf(document) {
  const routes = Object.values(document.paths).flatMap((path) => Object.values(path));
  const operations = routes.flatMap((route) => route["x-tabbyapi-operations"] ?? [route]).map((operation) => described(operation, document));
  return document.tags.map(({ name, description }) => {
    const accessor = camel(name);
    const type = accessor[0].toUpperCase() + accessor.slice(1);
    return { accessor, type, doc: description, operations: operations.filter(({ id }) => id.startsWith(`${name}.`)) };
  });
}

/** An operation: its method, its arguments, and the names of the types that it sends and returns. */
function described(operation, document) {
  const { operationId: id, summary, description = "", "x-tabbyapi-arguments": names = [], "x-tabbyapi-total": total } = operation;
  const { content } = operation.responses[200];
  const request = nameOf(operation.requestBody?.content["application/json"].schema ?? {});
  const takesRequest = names[0] === "request";
  return {
    id,
    method: camel(id.split(".")[1]),
    doc: `${summary}\n\n${description}`,
    /** The type of the request, if the method takes it whole. */
    request: takesRequest ? request : undefined,
    /** The fields of the request that the method takes instead. */
    fields: takesRequest ? [] : fieldsOf(id, names, document.components.schemas[request]),
    /** The type of the response, or of the items of a stream; none if the response has no content. */
    answer: answerOf(id, content["application/json"]?.schema ?? content["text/event-stream"].schema.anyOf[0]),
    /** The type that the items of a stream add up to. */
    total,
  };
}

function answerOf(id, schema) {
  if (schema.$ref) return nameOf(schema);
  if (schema.type?.includes("null")) return undefined;
  throw new Error(`${id}: the type of its response has no name`);
}

/** The fields that the arguments of a method set, by position. */
function fieldsOf(id, names, { properties = {}, required = [] } = {}) {
  if (names.length !== required.length || names.length !== Object.keys(properties).length) {
    throw new Error(`${id}: its arguments (${names}) are neither a \`request\` nor all of its fields (${Object.keys(properties)})`);
  }
  return names.map((name, at) => ({ argument: camel(name), field: required[at], schema: properties[required[at]] }));
}
