/** What this package makes of answers. */
import type { Embedding, EmbeddingList, LoadProgress } from "./wire.js";

/** Vectors of texts. */
export interface Embeddings extends Omit<EmbeddingList, "data"> {
  /** A vector for each text, in the order of the texts. */
  data: (Omit<Embedding, "embedding"> & {
    /** The vector, whichever way it travelled. */
    embedding: Float32Array;
  })[];
}

/** How far each part of a model was loaded, once a load is complete. */
export interface LoadReport {
  /** How far each part came. */
  parts: {
    /** The part. */
    model_type: LoadProgress["model_type"];
    /** How many of its modules are loaded. */
    module: number;
    /** How many modules it has. */
    modules: number;
    /** Whether it is complete. */
    finished: boolean;
  }[];
  /** The server did nothing, as this directory was loaded already; `reload` applies other parameters. */
  wasLoadedAlready: boolean;
}
