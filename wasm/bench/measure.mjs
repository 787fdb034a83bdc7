// What is measured, in Node and in pages: nothing here is of one host.

/** How streams are read, by library: each way reads one, and gives the number of its characters. */
function waysOf({ Tabby, OpenAI, createParser, streamText, createOpenAICompatible }, url, fetch = globalThis.fetch.bind(globalThis)) {
  const post = { method: "POST", body: "{}" };
  const request = { model: "m", messages: [{ role: "user", content: "x" }] };
  const tabby = new Tabby({ baseURL: url, fetch });
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "x", dangerouslyAllowBrowser: true, fetch });
  const compatible = createOpenAICompatible({ name: "x", baseURL: `${url}/v1`, fetch })("m");
  const textOf = ({ content, reasoning_content: reasoning }) => (content ?? reasoning ?? "").length;
  const readerOf = async () => (await fetch(`${url}/v1/chat/completions`, post)).body.getReader();
  return {
    async drain() {
      const reader = await readerOf();
      for (;;) if ((await reader.read()).done) return undefined;
    },
    async "fetch + JSON.parse"() {
      const reader = await readerOf();
      const decoder = new TextDecoder();
      let [text, length] = ["", 0];
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return length;
        text += decoder.decode(value, { stream: true });
        let at = 0;
        for (let end; (end = text.indexOf("\r\n\r\n", at)) >= 0; at = end + 4) {
          const data = text.slice(at + 6, end);
          if (data !== "[DONE]") length += textOf(JSON.parse(data).choices[0].delta);
        }
        text = text.slice(at);
      }
    },
    async "eventsource-parser"() {
      const reader = await readerOf();
      const decoder = new TextDecoder();
      let length = 0;
      const onEvent = ({ data }) => {
        if (data !== "[DONE]") length += textOf(JSON.parse(data).choices[0].delta);
      };
      const parser = createParser({ onEvent });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return length;
        parser.feed(decoder.decode(value, { stream: true }));
      }
    },
    async tabbyapi() {
      let length = 0;
      for await (const chunk of tabby.chat.stream(request)) length += textOf(chunk.choices[0].delta);
      return length;
    },
    async "npm openai"() {
      let length = 0;
      for await (const chunk of await openai.chat.completions.create({ ...request, stream: true })) length += textOf(chunk.choices[0].delta);
      return length;
    },
    async ai() {
      let length = 0;
      const { fullStream } = streamText({ model: compatible, prompt: "x", maxRetries: 0 });
      for await (const part of fullStream) if (part.type === "text-delta" || part.type === "reasoning-delta") length += part.text.length;
      return length;
    },
  };
}

/** Those that leave so much behind that the others would be slower beside them: they are measured last. */
const HEAVY = new Set(["npm openai", "ai"]);

/** A `fetch` that answers with the bytes of a stream from memory: in the pieces in which they came, or an event in each. */
async function replayed(url, isByEvent) {
  const pieces = [];
  const { body } = await fetch(`${url}/v1/chat/completions`, { method: "POST", body: "{}" });
  for (let reader = body.getReader(), result; !(result = await reader.read()).done; ) pieces.push(result.value);
  const whole = () => new Response(new Blob(pieces)).text();
  const encoder = new TextEncoder();
  const list = isByEvent ? (await whole()).split("\r\n\r\n").slice(0, -1).map((event) => encoder.encode(`${event}\r\n\r\n`)) : pieces;
  return async () => {
    let at = 0;
    const pull = (controller) => (at < list.length ? controller.enqueue(list[at++].slice()) : controller.close());
    return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { headers: { "content-type": "text/event-stream" } });
  };
}

/** Nanoseconds per chunk of each stream and way, wall and CPU time; ways take turns. */
export async function speed(libraries, { url, names, count, rounds }) {
  const streams = {};
  const sources = names.map((name) => [name, name, undefined]);
  for (const name of names) sources.push([`${name}, from memory`, name, await replayed(`${url}/${name}`)]);
  sources.push([`${names[0]}, from memory, an event a piece`, names[0], await replayed(`${url}/${names[0]}`, true)]);
  for (const isHeavy of [false, true]) {
    for (const [label, name, fetch] of sources) {
      const rows = (streams[label] ??= {});
      const ways = Object.entries(waysOf(libraries, `${url}/${name}`, fetch)).filter(([way]) => HEAVY.has(way) === isHeavy && !(fetch && way === "ai"));
      for (let round = 0; round < rounds; round++) {
        for (const [way, read] of ways) {
          // What takes seconds is measured once.
          if (rows[way]?.wall.some((ns) => ns * count > 5e9)) continue;
          const row = (rows[way] ??= { wall: [], cpu: [], length: undefined });
          const cpu = globalThis.process?.cpuUsage?.();
          const began = performance.now();
          row.length = await read();
          row.wall.push(((performance.now() - began) * 1e6) / count);
          if (!cpu) continue;
          const { user, system } = process.cpuUsage(cpu);
          row.cpu.push(((user + system) * 1e3) / count);
        }
      }
    }
  }
  for (const [name, rows] of Object.entries(streams)) {
    const expected = rows["fetch + JSON.parse"].length;
    for (const [way, { length }] of Object.entries(rows)) {
      if (length !== undefined && length !== expected) throw new Error(`${way} read ${length} characters of ${name}, others ${expected}`);
    }
  }
  return streams;
}

/** Milliseconds from the call to the first item that is read, of short streams, by turns. */
export async function firstToken({ Tabby }, { url, turns }) {
  const request = { model: "m", messages: [{ role: "user", content: "x" }] };
  const short = new Tabby({ baseURL: `${url}/short` });
  const token = { bare: [], ours: [] };
  for (let turn = 0; turn < turns; turn++) {
    let began = performance.now();
    const reader = (await fetch(`${url}/short/v1/chat/completions`, { method: "POST", body: JSON.stringify({ ...request, stream: true }) })).body.getReader();
    JSON.parse(new TextDecoder().decode((await reader.read()).value).split("\r\n")[0].slice(6));
    token.bare.push(performance.now() - began);
    while (!(await reader.read()).done);
    began = performance.now();
    let items = 0;
    for await (const _ of short.chat.stream(request)) if (items++ === 0) token.ours.push(performance.now() - began);
  }
  return token;
}

/** The memory of the module and of JavaScript before and after many streams, in bytes. */
export async function memory({ Tabby, ready }, { url, heap, streams }) {
  const short = new Tabby({ baseURL: `${url}/short` });
  const seen = { streams, module: [], heap: [] };
  const look = async () => {
    // What was forgotten is collected in turns.
    for (let turn = 0; turn < 5; turn++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    seen.module.push((await ready()).memoryBytes);
    seen.heap.push(heap());
  };
  const read = async (number) => {
    for (let at = 0; at < number; at++) await short.chat.stream({ messages: [] }).finalMessage();
  };
  await read(Math.min(500, streams));
  await look();
  await read(streams);
  await look();
  return seen;
}

/** All of it. */
export async function measure(libraries, how) {
  return { streams: await speed(libraries, how), token: await firstToken(libraries, how), memory: await memory(libraries, { ...how, streams: how.manyStreams }) };
}
