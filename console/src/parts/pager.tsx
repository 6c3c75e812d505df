// The way to the other pages of a list.
import { to } from "../router.ts";

/** A list's first page and its next one, each where there is such a page that is not this one; `prefix` narrows both. */
export function Pager({ page, prefix = "", first, next }: { page: string; prefix?: string; first: boolean; next: string | null }) {
  const address = (after: string) => {
    const query = new URLSearchParams({ ...(prefix && { prefix }), ...(after && { after }) });
    return `${to(page)}${query.size ? `?${query}` : ""}`;
  };
  return (
    <nav class="pager" aria-label="Pages">
      {!first && <a href={address("")}>First page</a>}
      {next && <a href={address(next)}>Next page</a>}
    </nav>
  );
}
