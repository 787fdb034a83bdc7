/** The types of schemas that callers pass. */
import type { JsonSchema } from "./index.js";

/** A schema that implements Standard Schema, such as those of zod 4, valibot and arktype. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The properties that Standard Schema defines. */
  readonly "~standard": {
    /** The version of Standard Schema. */
    readonly version: 1;
    /** The name of the library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** The types of the schema; there is no value at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The result of a check. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };

/** A schema of either kind. */
export type Schema = StandardSchema<any, any> | JsonSchema;

/** The output type of a schema; `T` for a JSON schema, which has no type. */
export type OutputOf<S, T = unknown> = S extends { readonly "~standard": { readonly types?: infer Types } } ? NonNullable<Types> extends { readonly output: infer Output } ? Output : T : T;

/** The input type of a schema, which the model writes. */
export type InputOf<S, T = unknown> = S extends { readonly "~standard": { readonly types?: infer Types } } ? NonNullable<Types> extends { readonly input: infer Input } ? Input : T : T;

/** A partial value: any field may be missing, and the last text may be incomplete. */
export type DeepPartial<T> = T extends readonly (infer Item)[] ? DeepPartial<Item>[] : T extends object ? { [Name in keyof T]?: DeepPartial<T[Name]> | undefined } : T | undefined;

/** Returns the JSON schema that is sent for a schema, with its properties in their order. Throws with code `misuse` if the library cannot convert it. */
export function jsonSchemaOf(schema: Schema, jsonSchema?: JsonSchema): JsonSchema;
