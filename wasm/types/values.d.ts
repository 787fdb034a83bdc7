/** Types that differ from the types of the wire. */
import type { Embedding, EmbeddingList, LoadProgress } from "./wire.js";

/** Embedding vectors of texts. */
export interface Embeddings extends Omit<EmbeddingList, "data"> {
  /** A vector for each text, in the order of the texts. */
  data: (Omit<Embedding, "embedding"> & {
    /** The vector, however it was encoded. */
    embedding: Float32Array;
  })[];
}

/** The report of a complete load. */
export interface LoadReport {
  /** The progress of each part. */
  parts: {
    /** The part. */
    model_type: LoadProgress["model_type"];
    /** The number of loaded modules. */
    module: number;
    /** The number of modules. */
    modules: number;
    /** Whether it is complete. */
    finished: boolean;
  }[];
  /** Whether the server did nothing because this model was already loaded; `reload` applies other parameters. */
  wasLoadedAlready: boolean;
}
