// Generates the methods of the services in JavaScript, js/operations.js, and their signatures, the end of types/wire.d.ts.
//
// What is written by hand takes precedence. A class of js/services.js that extends one of js/operations.js, and an interface of types/index.d.ts
// that extends one of types/wire.d.ts, may have methods of its own for operations that do more; these are not generated.
import { createRequire } from "node:module";
import { readDocument, servicesOf } from "./document.mjs";
import { comment } from "./text.mjs";

const ts = createRequire(new URL("../test/package.json", import.meta.url))("typescript");

/** The streams, by the type that their items add up to: their class (a plain one is not generic), the class of the total, and the options of their methods. */
const STREAMS = {
  ChatCompletion: { stream: "MessageStream", sum: "ChatTotal", options: "ResumableOptions" },
  Completion: { stream: "MessageStream", sum: "CompletionTotal", options: "ResumableOptions" },
  KoboldResults: { stream: "Stream", sum: "KoboldTotal", options: "CallOptions" },
  LoadReport: { stream: "LoadStream", sum: "LoadTotal", options: "CallOptions", isPlain: true },
};

const document = readDocument();
const services = servicesOf(document);

/** Returns the text of js/operations.js, given js/services.js. */
export function methodsOf(byHand) {
  const own = ownMethods("operations", "services.js", byHand);
  const classes = services.map(({ type, operations }) => {
    const methods = operations.filter(({ method }) => !own.get(type)?.has(method)).map((operation) => `  ${inJavaScript(operation)}\n`);
    return `export class ${type} extends Service {${methods.length > 0 ? "\n" : ""}${methods.join("")}}\n`;
  });
  const text = classes.join("\n");
  const imports = [
    ["./service.js", ["Service", "nothing"]],
    ["./settings.js", ["fieldsOf"]],
    ["./stream.js", ["LoadStream", "MessageStream", "Stream"]],
    ["./total.js", ["ChatTotal", "CompletionTotal", "KoboldTotal", "LoadTotal"]],
  ];
  return `// The services, with the methods that send a request and return its response. Generated from openapi.json by generate.mjs; do not edit.

${imports.map(([from, names]) => imported(from, names, text)).join("")}
${text}
/** The services by their names in a client. */
export const SERVICES = {
${services.map(({ accessor, type }) => `  ${accessor}: ${type},\n`).join("")}};
`;
}

/** Returns the signatures for types/wire.d.ts, given types/index.d.ts. */
export function signaturesOf(byHand) {
  const own = ownMethods("wire", "index.d.ts", byHand);
  const accessors = services.map(({ accessor, type, doc }) => `${comment(doc, "  ")}\n  readonly ${accessor}: client.${type};\n`);
  const interfaces = services.map(({ type, doc, operations }) => {
    if (type in document.components.schemas) throw new Error(`\`${type}\` is both a service and a schema`);
    const methods = operations.filter(({ method }) => !own.get(type)?.has(method));
    const members = methods.map((operation) => `${comment(inWordsOfJavaScript(operation.doc), "  ")}\n  ${signature(operation)}\n`);
    return `\n${comment(doc, "")}\nexport interface ${type} {${members.length > 0 ? "\n" : ""}${members.join("")}}\n`;
  });
  // `export *` does not include the default export of a module, so the package does not export this name.
  return `\n/** The services of a client. */\nexport default interface Services {\n${accessors.join("")}}\n${interfaces.join("")}`;
}

/** The methods of a class or an interface that are written by hand, by its name. One with the name of a service extends the generated one. */
function ownMethods(generated, file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const isService = ({ name }) => services.some(({ type }) => type === name.text);
  const written = source.statements.filter((node) => (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) && isService(node));
  return new Map(
    written.map(({ name: { text: type }, heritageClauses, members }) => {
      const extended = heritageClauses?.[0].types[0].getText(source);
      if (extended !== `${generated}.${type}`) throw new Error(`${file}: \`${type}\` must extend \`${generated}.${type}\``);
      return [type, new Set(members.map(({ name }) => name?.text))];
    }),
  );
}

/** Returns an import of the names that the text uses. */
function imported(from, names, text) {
  const used = names.filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  return used.length > 0 ? `import { ${used.join(", ")} } from "${from}";\n` : "";
}

/** Converts the doc comment of a method, which was written for Rust. */
const inWordsOfJavaScript = (doc) => doc.replaceAll("::", ".").replaceAll("Dropping the stream", "Closing the stream");

function inJavaScript({ id, method, request, fields, answer, total }) {
  const parameters = [...(request ? ["request"] : fields.map(({ argument }) => argument)), "options"].join(", ");
  const members = fields.map(({ argument, field }) => (argument === field ? field : `${field}: ${argument}`));
  const sent = request ? "fieldsOf(request)" : members.length > 0 ? `({ ${members.join(", ")} })` : undefined;
  if (total) {
    const { stream, sum } = streamOf(id, total);
    return `${method} = (${parameters}) => this.streamed(${stream}, "${id}", () => ({ request: ${sent} }), options, ${sum});`;
  }
  return `${method} = (${parameters}) => this.ask("${id}", ${sent && `() => ${sent}`}, options${answer ? "" : ", nothing"});`;
}

function signature({ id, method, request, fields, answer, total }) {
  const { stream, options, isPlain } = total ? streamOf(id, total) : { options: "CallOptions" };
  const parameters = request ? [`request: ${request}`] : fields.map(({ argument, schema }) => `${argument}: ${typeOf(schema)}`);
  const items = isPlain ? "" : `<${answer}, ${total}>`;
  const returned = total ? `client.${stream}${items}` : `client.Answer<${answer ?? "void"}>`;
  return `${method}(${[...parameters, `options?: client.${options}`].join(", ")}): ${returned};`;
}

function streamOf(id, total) {
  if (total in STREAMS) return STREAMS[total];
  throw new Error(`${id}: there is no class of streams that add up to a \`${total}\``);
}

function typeOf({ $ref, type }) {
  if ($ref) return $ref.split("/").at(-1);
  if (type === "integer") return "number";
  if (["string", "number", "boolean"].includes(type)) return type;
  throw new Error(`there is no type of an argument for ${JSON.stringify(type)}`);
}
