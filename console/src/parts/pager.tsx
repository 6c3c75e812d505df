// The way to the other pages of a list.
import { to } from "../router.ts";

/** A list's first page and its next one, each where there is such a page that is not this one. */
export function Pager({ page, first, next }: { page: string; first: boolean; next: string | null }) {
  return (
    <nav class="pager" aria-label="Pages">
      {!first && <a href={to(page)}>First page</a>}
      {next && <a href={`${to(page)}?after=${encodeURIComponent(next)}`}>Next page</a>}
    </nav>
  );
}
