/** Web types: the types of the program's libraries, or, if there are none, the parts that this package needs. */

type Instance<Name extends string, Else> = typeof globalThis extends { [_ in Name]: { prototype: infer Type } } ? Type : Else;

/** The host's `AbortSignal`. */
export type Signal = Instance<
  "AbortSignal",
  { readonly aborted: boolean; readonly reason: unknown; addEventListener(type: "abort", listener: () => void): void; removeEventListener(type: "abort", listener: () => void): void }
>;

/** The host's `Headers`. */
export type HeadersObject = Instance<"Headers", { get(name: string): string | null; has(name: string): boolean; forEach(look: (value: string, name: string) => void): void }>;

/** The accepted types of headers. */
export type HeadersLike = HeadersObject | Record<string, string> | Iterable<readonly [string, string]>;

/** The host's `Response`. */
export type ResponseObject = Instance<
  "Response",
  { readonly status: number; readonly ok: boolean; readonly headers: HeadersObject; readonly body: unknown; arrayBuffer(): Promise<ArrayBuffer> }
>;

/** The host's `ReadableStream` of bytes. */
export type ByteStream = typeof globalThis extends { ReadableStream: { prototype: infer Type } }
  ? Type
  : { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>; cancel(reason?: unknown): Promise<void> } };

/** The host's `URL`. */
export type UrlObject = Instance<"URL", { readonly href: string }>;

/** The host's `WebAssembly.Module`. */
export type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Type } } } ? Type : object;

/** The second argument of the host's `fetch`. */
export type FetchOptions = (typeof globalThis extends { fetch: (input: never, init?: infer Init) => unknown } ? Exclude<Init, undefined> : object) & {
  /** A dispatcher of undici, for Node: your own proxy, certificates, connections or limits. */
  dispatcher?: unknown;
};
