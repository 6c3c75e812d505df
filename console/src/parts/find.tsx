// Finds one of many by the beginning of its name.
import { useEffect, useState } from "preact/hooks";
import { useKept, useLive, type Live } from "../live.ts";
import { to } from "../router.ts";
import { BEGINNING } from "./names.ts";
import { useRested } from "./rested.ts";
import { Empty } from "./states.tsx";

const PAGE = 50;

export interface Narrowed<T> {
  listed: Live<T>;
  prefix: string;
  /** Whether it is the list's first page. */
  first: boolean;
  /** Whether there is more than one page to find something on. */
  many: boolean;
}

/** A page of a list, as the page's address narrows it; `nothing` is found by what no name can begin with. */
export function useNarrowed<T extends { next_after: string | null }>(
  path: string, query: URLSearchParams, nothing: T, every: () => number,
): Narrowed<T> {
  const [after, prefix] = [query.get("after"), query.get("prefix") ?? ""];
  const asked = new URLSearchParams({ limit: String(PAGE), ...(after && { after }), ...(prefix && { prefix }) });
  const none = prefix !== "" && !BEGINNING.test(prefix);
  const found = useKept(useLive<T>(none ? null : `${path}?${asked}`, every));
  const listed = none ? { ...found, value: nothing } : found;
  return { listed, prefix, first: none || !after, many: Boolean(prefix || after || listed.value?.next_after) };
}

/** What stands in the place of a list in which no name begins so. */
export function NoneFound({ title, prefix, page, all }: { title: string; prefix: string; page: string; all: string }) {
  return <Empty title={title}><p>No name begins with “{prefix}”. <a href={to(page)}>{all}</a></p></Empty>;
}

/** What is written goes into the page's address, so that a reload and the way back keep it. */
export function Find({ page, prefix }: { page: string; prefix: string }) {
  const [written, write] = useState(prefix);
  const rested = useRested(written);
  useEffect(() => write(prefix), [prefix]);
  useEffect(() => {
    const found = rested.trim();
    if (rested === written && found !== prefix) location.replace(`${to(page)}${found && `?prefix=${encodeURIComponent(found)}`}`);
  }, [rested]);
  return (
    <form class="row filter" role="search" onSubmit={event => event.preventDefault()}>
      <label>
        Find{" "}
        <input type="search" value={written} maxLength={63} placeholder="the name begins with …" autocomplete="off" spellcheck={false}
          onInput={event => write(event.currentTarget.value)} />
      </label>
    </form>
  );
}
