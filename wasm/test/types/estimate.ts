// Estimates and conversations that fit, in strict mode.
import { Tabby, type ChatRequest } from "tabbyapi";
import { Estimator, calibrate, fit, fitInto, fitLoaded, type Estimate, type Fitted } from "tabbyapi/estimate";

class Address {
  constructor(readonly href: string) {}
}
const request: ChatRequest = { messages: [{ role: "user", content: "Hi" }], max_tokens: 10 };
const tabby = new Tabby({ servers: ["http://127.0.0.1:5000", { baseURL: new Address("http://127.0.0.1:5001"), apiKey: "k" }], balance: "inOrder" });

export const estimate: Estimate = new Estimator({ imageTokens: 256 }).calibrate([["one", 1]]).text("two");
export const whole: number = new Estimator().request(request).high;
export const fitted: Fitted = fit(request.messages, 100);
export const into = { ...request, messages: fitInto(request, { max_seq_len: 4096, cache_size: null }).messages };
export const loaded: Promise<Fitted> = fitLoaded(tabby, into, new Estimator(), { server: "http://127.0.0.1:5001" });
export const own: Promise<Estimator> = calibrate(tabby, ["a text"]);
export const answer = tabby.chat.create(into, { server: new Address("http://127.0.0.1:5000") });

// @ts-expect-error a number is no text
new Estimator().text(5);
// @ts-expect-error no such way
new Tabby({ servers: [], balance: "random" });
// @ts-expect-error a server has an address
new Tabby({ servers: [{ apiKey: "k" }] });
