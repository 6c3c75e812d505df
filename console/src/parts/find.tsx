// Finds one of many by the beginning of its name.
import { useEffect, useState } from "preact/hooks";
import { to } from "../router.ts";
import { useRested } from "./rested.ts";

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
