// Reads vectors from responses, in any encoding.

import { TabbyError } from "./error.js";

/** The response with its vectors as `Float32Array`s, in the order of the texts. */
export function vectors(answer, count) {
  const data = answer.data.map((item) => ({ ...item, embedding: vector(item.embedding) }));
  data.sort((a, b) => a.index - b.index);
  if (data.length !== count) throw odd(`the answer has ${data.length} vectors for ${count} texts`);
  const dimension = data[0]?.embedding.length ?? 0;
  data.forEach(({ index, embedding }, at) => {
    if (index !== at) throw odd(`the indices of the vectors are not those of the texts: ${index} is in the place of ${at}`);
    if (embedding.length !== dimension || dimension === 0) throw odd(`the vectors are empty or differ in dimension at text ${at}`);
  });
  return { ...answer, data };
}

function vector(written) {
  if (Array.isArray(written)) {
    // Other values would silently become 0 or NaN.
    const odds = written.find((number) => typeof number !== "number");
    if (odds !== undefined) throw odd(`a vector holds ${JSON.stringify(odds)}, which is not a number`);
    return Float32Array.from(written);
  }
  if (typeof written !== "string") throw odd("a vector is neither a list of numbers nor base64");
  let bytes;
  try {
    bytes = Uint8Array.from(atob(written), (character) => character.charCodeAt(0));
  } catch {
    throw odd("a vector is not valid base64");
  }
  if (bytes.length % 4 !== 0) throw odd(`${bytes.length} bytes are not a whole number of 32-bit floats`);
  if (LITTLE_ENDIAN) return new Float32Array(bytes.buffer);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

const odd = (message) => new TabbyError({ kind: "decode", code: "inconsistent_answer", message });
