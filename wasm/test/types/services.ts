// The signatures of the services: some that are generated, one of each kind, and those that are written by hand.
import type * as t from "tabbyapi";

type Method = (...args: never[]) => unknown;
/** Whether a method takes these arguments and returns this, no more and no less. */
type Is<M extends Method, Arguments, Returned> = Same<[Parameters<M>, ReturnType<M>], [Arguments, Returned]>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Options = [options?: t.CallOptions];
type Service<Name extends keyof t.Tabby> = t.Tabby[Name];

const generated: [
  Is<Service<"models">["list"], Options, t.Answer<t.ModelList>>,
  Is<Service<"models">["unload"], Options, t.Answer<void>>,
  Is<Service<"models">["download"], [t.DownloadRequest, ...Options], t.Answer<{ download_path: string }>>,
  Is<Service<"models">["load"], [t.LoadRequest, ...Options], t.LoadStream>,
  Is<Service<"chat">["create"], [t.ChatRequest, ...Options], t.Answer<t.ChatCompletion>>,
  Is<Service<"chat">["stream"], [t.ChatRequest, options?: t.ResumableOptions], t.MessageStream<t.ChatChunk, t.ChatCompletion>>,
  Is<Service<"completions">["stream"], [t.CompletionRequest, options?: t.ResumableOptions], t.MessageStream<t.CompletionChunk, t.Completion>>,
  Is<Service<"kobold">["stream"], [t.KoboldRequest, ...Options], t.Stream<{ token: string }, t.KoboldResults>>,
  Is<Service<"kobold">["abort"], [string, ...Options], t.Answer<{ success: boolean }>>,
  Is<Service<"templates">["switch"], [string, ...Options], t.Answer<void>>,
  Is<Service<"sampling">["setOverrides"], [Record<string, t.SamplerOverride>, ...Options], t.Answer<void>>,
  Is<Service<"embeddingModels">["load"], [t.EmbeddingLoadRequest, ...Options], t.Answer<t.LoadProgress>>,
  Is<Service<"loras">["load"], [t.LoraLoadRequest, ...Options], t.Answer<{ success: string[]; failure: string[] }>>,
  Is<Service<"health">["serviceInfo"], Options, t.Answer<t.ServiceInfo>>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true];

type Texts = string | t.ChatMessage[] | t.EncodeRequest;
const byHand: [
  Same<Awaited<ReturnType<Service<"embeddings">["create"]>>["data"][number]["embedding"], Float32Array>,
  Is<Service<"models">["reload"], [t.LoadRequest, ...Options], Promise<t.LoadStream>>,
  Is<Service<"templates">["list"], Options, t.Answer<{ object?: string; data: string[] }>>,
  Is<Service<"tokens">["encode"], [Texts, ...Options], t.Answer<t.Encoded>>,
  Is<Service<"tokens">["decode"], [number[] | t.DecodeRequest, ...Options], t.Answer<{ text: string }>>,
  Is<Service<"tokens">["count"], [Texts, ...Options], t.Answer<number>>,
  Is<Service<"auth">["permission"], Options, t.Answer<"api" | "admin" | (string & {})>>,
  Is<Service<"kobold">["countTokens"], [string, ...Options], t.Answer<{ value: number; ids?: number[] }>>,
  Is<Service<"kobold">["maxLength"], Options, t.Answer<{ value: number }>>,
  Is<Service<"kobold">["extraVersion"], Options, t.Answer<{ result: string; version: string }>>,
] = [true, true, true, true, true, true, true, true, true, true];

// Each has a name.
export type Named = [t.Chat, t.Completions, t.Embeddings, t.Models, t.EmbeddingModels, t.Loras, t.Templates, t.Tokens, t.Sampling, t.Health, t.Auth, t.Kobold];
declare const tabby: t.Tabby;
// @ts-expect-error services are not replaced
tabby.chat = tabby.chat;
console.log(generated, byHand);
