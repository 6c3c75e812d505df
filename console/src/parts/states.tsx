// What stands in the place of something that is not there: not yet, not at all, or not for this key.
import type { ComponentChildren } from "preact";
import { helpOf, Refused, Unreached, type Fault } from "../service.ts";
import type { Live } from "../live.ts";

export function Loading() {
  return (
    <p class="state" role="status">
      <span class="spinner" aria-hidden="true" /> Loading …
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Why something is not there, in the service's words, and every place that it found at fault. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const refused = error instanceof Refused ? error : null;
  const title =
    error instanceof Unreached ? "No answer" : refused?.status === 403 ? "Not for this key" : refused?.status === 404 ? "Not there" : refused?.status === 503 ? "Not just now" : "That did not work";
  return (
    <div class="state failure" role="alert">
      <h2>{title}</h2>
      {!(refused && repeats(refused)) && <p>{error instanceof Error ? sentence(error.message) : String(error)}</p>}
      {refused && refused.faults.length > 0 && (
        <ul class="faults">
          {refused.faults.map(fault => (
            <li key={fault.path + fault.message}>
              {sentence(fault.message)} <code class="soft">{fault.path}</code>
            </li>
          ))}
        </ul>
      )}
      {refused?.requestId && (
        <p class="soft">
          Request {refused.requestId}
          {refused.code && <> · <a href={helpOf(refused.code)}>What {refused.code} means, and what to do</a></>}
        </p>
      )}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Whether what is said in all is what its faults say: the message of several is all of them in a row. */
export const repeats = ({ message, faults }: { message: string; faults: Fault[] }): boolean =>
  faults.length > 0 && faults.every(fault => message.includes(fault.message));

/** A live value, or what stands in its place. A value that could not be renewed stays, and says so. */
export function Shown<T>({ of, children }: { of: Live<T>; children: (value: T) => ComponentChildren }) {
  if (of.value === undefined) return of.error ? <Failure error={of.error} again={of.again} /> : <Loading />;
  return (
    <>
      {of.error && (
        <p class="notice" role="status">
          This is what was last seen: {of.error.message}. <button class="link" type="button" onClick={of.again}>Try again</button>
        </p>
      )}
      {children(of.value)}
    </>
  );
}

export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
