// Asks the service. Everything that goes out goes through here, to the service's own origin or to an address
// that it signed; the key goes to the service alone.
import { another, caller, ended, key, type Caller } from "./session.ts";

// What a custom domain, a proxy or a gateway's stage has before every path.
export const BASE = location.pathname.replace(/\/+$/, "");

/** Where the service says of an error's code what to do: a row of its own page. */
export const helpOf = (code: string): string => `${BASE}/docs#${encodeURIComponent(code)}`;

export interface Fault {
  path: string;
  message: string;
}

/** The service said no, in its own words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly faults: Fault[],
    readonly requestId: string,
  ) {
    super(message);
  }
}

/** No answer came: there is no network, or no service. */
export class Unreached extends Error {}

export interface Asked {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Answer<T> {
  value: T;
  status: number;
  etag: string;
  location: string;
}

// What was answered to a GET, by its path: the next one is told when nothing has changed.
const known = new Map<string, { etag: string; value: unknown }>();
const MOST_KNOWN = 200;

export function forget(): void {
  known.clear();
}

export async function ask<T>(method: string, path: string, asked: Asked = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json", ...asked.headers };
  if (asked.body !== undefined) headers["content-type"] ??= "application/json";
  const before = method === "GET" ? known.get(path) : undefined;
  if (before) headers["if-none-match"] = before.etag;
  const sent: RequestInit = { method, signal: asked.signal ?? null };
  if (asked.body !== undefined) sent.body = typeof asked.body === "string" ? asked.body : JSON.stringify(asked.body);
  const answer = await reached(path, headers, sent);
  const etag = answer.headers.get("etag") ?? "";
  const told = { status: answer.status, etag, location: answer.headers.get("location") ?? "" };
  if (answer.status === 304 && before) return { ...told, value: before.value as T };
  const text = await answer.text();
  if (!answer.ok) throw refusal(answer, text);
  const value = (text ? JSON.parse(text) : null) as T;
  if (method === "GET" && etag) remember(path, etag, value);
  if (method !== "GET") known.clear();
  return { ...told, value };
}

/** Who the key is of. */
export const whoami = (signal: AbortSignal): Promise<Caller> => get<Caller>(WHO, signal);

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await ask<T>("GET", path, signal ? { signal } : {})).value;

/** A path of the service whose words were chosen by people. */
export function at(strings: TemplateStringsArray, ...words: (string | number)[]): string {
  return strings.reduce((path, part, place) => path + encodeURIComponent(words[place - 1] ?? "") + part);
}

const PART = 4 * 2 ** 20;

/** A file of the service's own, part by part where it is larger than an answer may be. */
export async function file(path: string): Promise<Blob> {
  const parts: ArrayBuffer[] = [];
  for (let [begin, all] = [0, 1]; begin < all; ) {
    const answer = await reached(path, { range: `bytes=${begin}-${begin + PART - 1}` });
    if (!answer.ok) throw refusal(answer, await answer.text());
    const part = await answer.arrayBuffer();
    parts.push(part);
    begin += part.byteLength;
    all = answer.status === 206 && part.byteLength ? Number(answer.headers.get("content-range")?.split("/")[1]) : begin;
  }
  return new Blob(parts);
}

/** A signed address as this page reaches it: the laptop's server does not know of a proxy that speaks HTTPS for it. */
export function reachable(signed: string, page: { host: string; protocol: string } = location): string {
  const address = new URL(signed);
  if (address.host === page.host) address.protocol = page.protocol;
  return address.href;
}

/** Send a file to an address that was signed for it; `told` hears of the share that is there. */
export function put(
  signed: { url: string; method: string; headers: Record<string, string> },
  file: Blob,
  told: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  // fetch tells nothing of what it has sent.
  return new Promise((done, failed) => {
    const sending = new XMLHttpRequest();
    sending.open(signed.method, reachable(signed.url));
    for (const [name, value] of Object.entries(signed.headers)) sending.setRequestHeader(name, value);
    sending.upload.onprogress = event => told(event.lengthComputable ? event.loaded / event.total : 0);
    sending.onload = () =>
      sending.status < 300
        ? done()
        : failed(new Refused(sending.status, "upload_failed", `the storage answered ${sending.status}`, [], ""));
    sending.onerror = () => failed(new Unreached("the storage did not answer"));
    sending.onabort = () => failed(new DOMException("", "AbortError"));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(file);
  });
}

const WHO = "/v1/whoami";

/**
 * What the service answers; the key goes with each request, where there is one.
 *
 * One whose key has ended was not done: it waits until the person has entered another, and is sent again.
 */
async function reached(path: string, headers: Record<string, string>, sent: RequestInit = {}): Promise<Response> {
  for (;;) {
    const asking = key.value;
    const answer = await answered(path, headers, sent);
    // Who has not been let in yet is told so where it enters the key.
    if (answer.status !== 401 || !caller.value || path === WHO) return answer;
    const { message } = refusal(answer, await answer.text());
    if (asking === key.value && !ended.value) ended.value = message;
    await another(sent.signal);
  }
}

async function answered(path: string, headers: Record<string, string>, sent: RequestInit): Promise<Response> {
  const keyed = key.value ? { ...headers, authorization: `Bearer ${key.value}` } : headers;
  try {
    // The origin is named: a path that begins with two slashes would lead, and bring the key, to another host.
    return await fetch(location.origin + BASE + path, { ...sent, headers: keyed, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreached("the service does not answer");
  }
}

/** An answer that says no. */
function refusal(answer: Response, text: string): Refused {
  let said: Record<string, unknown> = {};
  try {
    said = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A gateway's own page.
  }
  const message = String(said["detail"] ?? said["error"] ?? `${answer.status} ${answer.statusText}`);
  const faults = Array.isArray(said["faults"]) ? (said["faults"] as Fault[]) : [];
  return new Refused(answer.status, String(said["code"] ?? ""), message, faults, String(said["request_id"] ?? ""));
}

function remember(path: string, etag: string, value: unknown): void {
  known.delete(path);
  known.set(path, { etag, value });
  const oldest = known.keys().next();
  if (known.size > MOST_KNOWN && !oldest.done) known.delete(oldest.value);
}
