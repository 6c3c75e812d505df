import { ago, moment } from "./format.ts";

/** A time: how long ago it was, and when exactly for who points at it. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at)}
    </time>
  );
}
