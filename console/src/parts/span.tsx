// The days that a page is of, and one thing that it is narrowed to; both stand in its address.
import { useEffect, useState } from "preact/hooks";
import { to } from "../router.ts";
import { useRested } from "./rested.ts";

export const DAY = 86_400_000;
/** The day of UTC that a time is in. */
export const day = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** From which day of UTC to which: as the address says, without it the last seven. */
export function spanOf(query: URLSearchParams, now = Date.now()): { from: string; till: string } {
  return { from: query.get("from") ?? day(now - 6 * DAY), till: query.get("to") ?? day(now) };
}

export function Spanned({ page, query, narrow, title }: { page: string; query: URLSearchParams; narrow: string; title: string }) {
  const { from, till } = spanOf(query);
  const said = query.get(narrow) ?? "";
  const [written, write] = useState(said);
  const rested = useRested(written);
  const go = (name: string, value: string) => {
    const chosen = new URLSearchParams(query);
    chosen.delete("after");
    if (value) chosen.set(name, value);
    else chosen.delete(name);
    location.replace(`${to(page)}${chosen.size ? `?${chosen}` : ""}`);
  };
  useEffect(() => write(said), [said]);
  useEffect(() => {
    if (rested === written && rested.trim() !== said) go(narrow, rested.trim());
  }, [rested]);
  return (
    <form class="row filter" role="search" onSubmit={event => event.preventDefault()}>
      <label>
        From <input type="date" value={from} max={till} required onChange={event => event.currentTarget.value && go("from", event.currentTarget.value)} />
      </label>
      <label>
        To <input type="date" value={till} min={from} required onChange={event => event.currentTarget.value && go("to", event.currentTarget.value)} />
      </label>
      <label>
        {title} <input type="search" value={written} maxLength={63} autocomplete="off" spellcheck={false} onInput={event => write(event.currentTarget.value)} />
      </label>
    </form>
  );
}
