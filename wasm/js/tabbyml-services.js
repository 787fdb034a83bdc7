// The services of TabbyML/tabby. The module has the names and paths of operations. Requests and responses are plain objects with the field names of the wire.

import { TabbyError } from "./error.js";
import { Service, nothing } from "./service.js";
import { fieldsOf } from "./settings.js";
import { COMPLETION, shaped } from "./shape.js";
import { MessageStream, whole } from "./stream.js";
import { DOCUMENTS } from "./tabbyml-documents.js";
import { wellFormed } from "./text.js";
import { ChatTotal } from "./total.js";

export class Completions extends Service {
  create = (request, options) => this.ask("tabbyml.completions.create", () => withoutNulls(fieldsOf(request)), options, completion);
}

/** Removes null fields. The server rejects null for some fields, such as `mode`, and ignores it for others. */
function withoutNulls(value) {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field != null).map(([name, field]) => [name, withoutNulls(field)]));
}

function completion(answer) {
  shaped(answer, COMPLETION).choices ??= [];
  for (const choice of answer.choices) choice.text = wellFormed(choice.text ?? "");
  return answer;
}

export class Chat extends Service {
  /** Accumulates the stream, since the server only streams. */
  create(request, options) {
    const stream = this.streamed(MessageStream, "tabbyml.chat.create", () => conversation(request), options, ChatTotal);
    const answered = stream.final().then((data) => {
      const { outcome } = stream;
      return { data, status: outcome.status, headers: new Headers(outcome.headers), outcome, attempts: outcome.attempts };
    });
    const data = answered.then(({ data }) => data);
    data.withResponse = () => {
      // A caller of this method does not use the promise itself.
      data.catch(() => {});
      return answered;
    };
    return data;
  }

  stream = (request, options) => this.streamed(MessageStream, "tabbyml.chat.stream", () => conversation(request), options, ChatTotal);
}

/** The request of a conversation: `""` is the server's default model, and the server always streams. */
function conversation(given) {
  const request = { model: "", ...fieldsOf(given), stream: true };
  // Tool calls arrive complete at the end, after a silence that has its own timeouts.
  const route = request.tools?.length ? { variant: "tools" } : undefined;
  return { request, choices: request.n ?? 1, ...(route && { route }) };
}

export class Events extends Service {
  view = (event, options) => this.#send("view", event, options);
  select = (event, options) => this.#send("select", event, options);
  dismiss = (event, options) => this.#send("dismiss", event, options);

  /** An event with its type, such as the events of a session. */
  log = (event, options) => this.#send(event?.type, event, options);

  #send(type, event, options) {
    const route = { select_kind: type === "select" ? event?.select_kind : undefined };
    const make = () => {
      const { select_kind: _, elapsed, ...fields } = fieldsOf(event);
      // The server only accepts integers.
      const time = elapsed == null ? {} : { elapsed: Math.min(Math.max(Math.round(elapsed), 0), 2 ** 32 - 1) };
      return { choice_index: 0, ...withoutNulls(fields), ...time, type };
    };
    return whole(this.core, { operation: "tabbyml.events.log", route, make }, options, nothing);
  }
}

export class Health extends Service {
  check = (options) => this.ask("tabbyml.health.check", undefined, options);
}

export class Models extends Service {
  list = (options) => this.ask("tabbyml.models.list", undefined, options);
}

export class ServerSetting extends Service {
  get = (options) => this.ask("tabbyml.server_setting.get", undefined, options);
}

export class Ingestion extends Service {
  add = (document, options) => this.ask("tabbyml.ingestion.add", () => withoutNulls(fieldsOf(document)), options);

  delete = (source, id, options) => this.#remove("tabbyml.ingestion.delete", { source: String(source), id: String(id) }, options);

  deleteSource = (source, options) => this.#remove("tabbyml.ingestion.delete_source", { source: String(source) }, options);

  #remove(operation, route, options) {
    return whole(this.core, { operation, route }, options, nothing);
  }
}

export class GraphQl extends Service {
  me = (options) => this.#known("me", {}, options);
  contextInfo = (options) => this.#known("context_info", {}, options);
  repositories = (options) => this.#known("repositories", {}, options);
  searchFiles = (search, options) => this.#known("search_files", search, options);
  grep = (search, options) => this.#known("grep", search, options);
  myThreads = (page, options) => this.#known("my_threads", page ?? {}, options);
  threadMessages = (page, options) => this.#known("thread_messages", page, options);
  ingestionStatus = (options) => this.#known("ingestion_status", {}, options);
  signIn = (account, options) => this.#known("sign_in", account, options);
  refresh = (refreshToken, options) => this.#known("refresh", { refreshToken }, options);

  /** Sends any document, and returns its `data`. */
  query(document, variables, options) {
    return this.ask("tabbyml.graphql.query", () => ({ query: document, ...(variables && { variables }) }), options, ({ data }) => data);
  }

  #known(method, variables, options) {
    const [field, query] = DOCUMENTS[method];
    const make = () => ({ query, variables: fieldsOf(variables) });
    const answered = ({ data }) => {
      const value = data?.[field];
      if (value != null) return value;
      throw new TabbyError({ kind: "decode", code: "unexpected_json", message: `the answer could not be read: it has no \`${field}\`` });
    };
    return this.ask(`tabbyml.graphql.${method}`, make, options, answered);
  }
}

/** Requests `GET /v1/health`, and then `GET /health` if the response is not that of this server. */
export async function detect(core, options) {
  const asked = (operation) => whole(core, { operation }, options);
  try {
    await asked("tabbyml.health.check");
    return "tabbyml";
  } catch (error) {
    if (isSilentRefusal(error)) return "tabbyml";
    if (!isAnswer(error)) throw error;
  }
  try {
    await asked("tabbyml.tabbyapi");
    return "tabbyapi";
  } catch (error) {
    if (!isAnswer(error)) throw error;
    return "other";
  }
}

/** Pages cannot read the status of a redirect. */
const isAnswer = (error) => error.status !== undefined || error.cause?.name === "RedirectError";

/** Only this server rejects a request without a body. Others send a body or say how to authenticate. */
function isSilentRefusal({ kind, status, body, headers }) {
  return kind === "server" && status === 401 && !body && !headers.has("www-authenticate") && !headers.has("content-type");
}
