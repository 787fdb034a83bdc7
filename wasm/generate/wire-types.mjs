// Generates the types of requests and responses, the beginning of types/wire.d.ts, from the schemas of openapi.json.
//
// openapi-typescript reads the document. This file gives its types their names, and adds what JavaScript authors expect: words that are
// open or closed, `undefined` where exactOptionalPropertyTypes is set, doc comments without tags.
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readDocument } from "./document.mjs";
import { comment } from "./text.mjs";

const require = createRequire(path.join(path.dirname(fileURLToPath(import.meta.url)), "../test/package.json"));
const ts = require("typescript");
const { default: openapiTS, astToString } = await import(pathToFileURL(require.resolve("openapi-typescript").replace(/\.cjs$/, ".mjs")));
const { factory } = ts;

const HEAD = `/**
 * The types of requests and responses: plain objects with the field names of the wire. Generated from \`openapi.json\` by \`generate.mjs\`; do not
 * edit. Responses also contain the fields that a server adds; \`extraOf\` of this package gives access to them. The services are at the end, with a
 * method for each operation; \`index.d.ts\` extends some of them.
 */
import type * as client from "./index.js";

/** An open set of words: servers may use others. */
export type Open<Words extends string> = Words | (string & {});

/** Accepts fields that this package does not declare. */
export interface Extra {
  /** Fields that are sent unchanged with the others. They replace fields of the same name. */
  extra_body?: Record<string, unknown> | undefined;
}
`;

/** Words that are checked in requests, so that a typo does not compile. */
const CLOSED = ["Role", "ToolKind", "EncodingFormat", "ResponseFormatType", "ToolChoice"];

/** Members that are narrower in JavaScript: a response's content is text. */
const NARROWER = { "ChatChoice.message": "ChatMessage & { content?: string | null }" };

/** A field of OpenAI's older requests that templates may use, and that the library does not declare. */
const NAME = { type: ["string", "null"], description: "The name of the author, for templates that use it; the current server drops it." };

const document = readDocument();
const { schemas } = document.components;
schemas.ChatMessage.properties.name ??= NAME;
schemas.Role.examples.push("function");
const bodies = new Set();
const requests = new Set();
const answers = new Set();
for (const operation of Object.values(document.paths).flatMap(Object.values)) {
  refsIn(operation.requestBody).forEach((name) => bodies.add(name));
  reach(operation.requestBody, requests);
  reach(operation.responses, answers);
}
for (const [name, schema] of Object.entries(schemas)) prepare(name, schema);

const nodes = await openapiTS(document, {
  transform: ({ words, isClosed }) => (words ? union(words, isClosed) : undefined),
});
const components = nodes.find(({ name }) => name?.text === "components");
const members = components.members.find(({ name }) => name.text === "schemas").type.members;

export const wireTypes = HEAD + members.map((member) => `\n${documented(astToString(declared(member)))}`).join("");

/** The names of the schemas that a part of the document refers to. */
function refsIn(part) {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => (key === "$ref" ? [value.split("/").at(-1)] : refsIn(value)));
}

/** Adds the names of all schemas that a part of the document refers to, directly or indirectly. */
function reach(part, names) {
  for (const name of refsIn(part)) {
    if (names.has(name) || !(name in schemas)) continue;
    names.add(name);
    reach(schemas[name], names);
  }
}

/** Removes from a schema, or from a part of the schema with that name, what has no meaning in TypeScript, and marks the words of a string. */
function prepare(name, schema) {
  if (typeof schema !== "object" || schema === null) return;
  if (schema.type === "string" && Array.isArray(schema.examples)) {
    schema.words = schema.examples;
    schema.isClosed = CLOSED.includes(name);
  }
  for (const key of ["format", "examples", "default", "contentEncoding"]) delete schema[key];
  // In a request, an unconstrained type would accept everything.
  if (schema.anyOf && requests.has(name)) schema.anyOf = schema.anyOf.filter((part) => Object.keys(part).some((key) => key !== "description"));
  const isRequest = requests.has(name) && !answers.has(name);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    // The server accepts null where a field may be absent. The types only allow the absent field.
    if (isRequest && !schema.required?.includes(key)) withoutNull(property);
    prepare(name, property);
  }
  for (const part of [...(schema.anyOf ?? []), schema.items]) prepare(name, part);
}

function withoutNull(schema) {
  if (Array.isArray(schema.type)) schema.type = schema.type.filter((type) => type !== "null");
  if (schema.anyOf) schema.anyOf = schema.anyOf.filter(({ type }) => type !== "null");
}

function union(words, isClosed) {
  const types = words.map((word) => factory.createLiteralTypeNode(factory.createStringLiteral(word)));
  const all = types.length === 1 ? types[0] : factory.createUnionTypeNode(types);
  return isClosed ? all : factory.createTypeReferenceNode("Open", [all]);
}

/** A member of `components.schemas` as a declaration: an interface where it is an object. */
function declared(member) {
  const name = member.name.text;
  const type = ts.visitNode(member.type, function visit(node) {
    // components["schemas"]["Name"]
    if (ts.isIndexedAccessTypeNode(node) && ts.isIndexedAccessTypeNode(node.objectType)) {
      return factory.createTypeReferenceNode(node.indexType.literal.text);
    }
    const made = ts.visitEachChild(node, visit, undefined);
    if (!ts.isPropertySignature(made)) return made;
    const narrower = NARROWER[`${name}.${made.name.text}`];
    const kind = narrower ? factory.createTypeReferenceNode(narrower) : made.type;
    const isOpen = requests.has(name) && made.questionToken;
    const all = isOpen ? factory.createUnionTypeNode([kind, factory.createKeywordTypeNode(ts.SyntaxKind.UndefinedKeyword)]) : kind;
    const property = factory.createPropertySignature(made.modifiers, made.name, made.questionToken, all);
    return ts.setSyntheticLeadingComments(property, ts.getSyntheticLeadingComments(made) ?? ts.getSyntheticLeadingComments(node));
  });
  const modifiers = [factory.createModifier(ts.SyntaxKind.ExportKeyword)];
  const heritage = bodies.has(name)
    ? [factory.createHeritageClause(ts.SyntaxKind.ExtendsKeyword, [factory.createExpressionWithTypeArguments(factory.createIdentifier("Extra"))])]
    : [];
  const made = ts.isTypeLiteralNode(type)
    ? factory.createInterfaceDeclaration(modifiers, name, undefined, heritage, type.members)
    : factory.createTypeAliasDeclaration(modifiers, name, undefined, type);
  return ts.setSyntheticLeadingComments(made, ts.getSyntheticLeadingComments(member));
}

/** Printed types with indents of two, and doc comments without tags. */
function documented(text) {
  const lines = text.replaceAll("\r", "").replaceAll(/^( +)/gm, (indent) => indent.slice(0, Math.floor(indent.length / 4) * 2) + (indent.length % 2 ? " " : ""));
  const isText = /^( *)\/\*\*([^]*?)\*\//gm;
  const plain = (text) => text.replaceAll(/^ *\* ?/gm, "").replace("@description", "");
  return lines.replaceAll(/^ *\/\*\* @constant \*\/\n/gm, "").replaceAll(isText, (_, indent, text) => comment(plain(text), indent));
}
