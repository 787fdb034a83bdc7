/** Schemas as callers have them. */
import type { JsonSchema } from "./index.js";

/** What a library says of its schemas after Standard Schema: zod 4, valibot and arktype do. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The library's part. */
  readonly "~standard": {
    /** The version of Standard Schema. */
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** Its types; no value stands here. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a check came to. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/** A schema of either kind. */
export type Schema = StandardSchema<any, any> | JsonSchema;

/** The type that a schema gives; what `T` says for a JSON schema, which has no type. */
export type OutputOf<S, T = unknown> = S extends { readonly "~standard": { readonly types?: infer Types } } ? NonNullable<Types> extends { readonly output: infer Output } ? Output : T : T;

/** The type that a schema takes, which is what the model writes. */
export type InputOf<S, T = unknown> = S extends { readonly "~standard": { readonly types?: infer Types } } ? NonNullable<Types> extends { readonly input: infer Input } ? Input : T : T;

/** A value that is not there as a whole: any field may be missing, and the last text be cut. */
export type DeepPartial<T> = T extends readonly (infer Item)[] ? DeepPartial<Item>[] : T extends object ? { [Name in keyof T]?: DeepPartial<T[Name]> | undefined } : T | undefined;

/** The JSON schema that goes out for a schema, with its properties in their order. Errors with code `misuse` if the library does not say it. */
export function jsonSchemaOf(schema: Schema, jsonSchema?: JsonSchema): JsonSchema;
