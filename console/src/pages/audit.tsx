// Who asked for which change, and how it was answered, the newest first.
import type { Audit, AuditEntry } from "../answers.ts";
import { useKept, useLive } from "../live.ts";
import { Spanned, spanOf } from "../parts/span.tsx";
import { moment } from "../parts/format.ts";
import { Empty, Shown } from "../parts/states.tsx";
import { to } from "../router.ts";

const [PAGE, EVERY] = [50, 15_000];

export function AuditPage({ query }: { query: URLSearchParams }) {
  const { from } = spanOf(query);
  const asked = new URLSearchParams({ limit: String(PAGE), from });
  for (const name of ["to", "model", "after"]) if (query.get(name)) asked.set(name, query.get(name) ?? "");
  const audit = useKept(useLive<Audit>(`/v1/audit?${asked}`, () => EVERY));
  return (
    <>
      <header class="page">
        <h1>Changes</h1>
      </header>
      <Spanned page="audit" query={query} narrow="model" title="Model" />
      <Shown of={audit}>{shown => <Entries audit={shown} query={query} />}</Shown>
    </>
  );
}

function Entries({ audit: { audit, entries, next_after }, query }: { audit: Audit; query: URLSearchParams }) {
  const address = (after: string | null) => {
    const there = new URLSearchParams(query);
    there.delete("after");
    if (after) there.set("after", after);
    return `${to("audit")}${there.size ? `?${there}` : ""}`;
  };
  return (
    <>
      {!audit.on && <p class="notice">Nothing is written down: {audit.setting} is 0.</p>}
      {entries.length === 0 ? (
        <Empty title="No change in these days" />
      ) : (
        <div class="wide" tabIndex={0} role="region" aria-label="Table of changes">
          <table>
            <caption class="unseen">Changes, the newest first</caption>
            <thead>
              <tr>
                <th scope="col">When</th><th scope="col">By</th><th scope="col">What was asked for</th><th scope="col">Of</th><th scope="col">Answer</th>
              </tr>
            </thead>
            <tbody>
              {entries.map(each => (
                <tr key={each.id}>
                  <td><time dateTime={each.time}>{moment(each.time)}</time></td>
                  <td>{each.by ?? "no key"}</td>
                  <td>{each.method} <code>{each.route}</code></td>
                  <td><About of={each} /></td>
                  <td class={(each.status ?? 500) >= 400 ? "warn" : ""}>{each.status ?? "not known"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <nav class="pager" aria-label="Pages">
        {query.get("after") && <a href={address(null)}>Newest changes</a>}
        {next_after && <a href={address(next_after)}>Older changes</a>}
      </nav>
    </>
  );
}

function About({ of: { model, version, alias, dataset, job } }: { of: AuditEntry }) {
  return (
    <>
      {model && <a href={to("models", model)}>{model}</a>}
      {model && version !== null && <> version {version}</>}
      {alias && <> “{alias}”</>}
      {dataset && <a href={to("datasets", dataset)}>{dataset}</a>}
      {job && <> <a href={to("jobs", job)}>its job</a></>}
    </>
  );
}
