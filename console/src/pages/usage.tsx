// What each key used, in all and day by day.
import type { Usage, Used } from "../answers.ts";
import { Bars } from "../charts/bars.tsx";
import { useKept, useLive } from "../live.ts";
import { Spanned, spanOf } from "../parts/span.tsx";
import { count, date, many, size } from "../parts/format.ts";
import { Empty, sentence, Shown } from "../parts/states.tsx";

const EVERY = 30_000;
const MOST_ROWS = 200;

export function UsagePage({ query }: { query: URLSearchParams }) {
  const { from, till } = spanOf(query);
  const key = query.get("key");
  const asked = new URLSearchParams({ from, to: till, ...(key && { key }) });
  const usage = useKept(useLive<Usage>(`/v1/usage?${asked}`, () => EVERY));
  return (
    <>
      <header class="page">
        <h1>Usage</h1>
      </header>
      <Spanned page="usage" query={query} narrow="key" title="Key" />
      <Shown of={usage}>{shown => <Told usage={shown} />}</Shown>
    </>
  );
}

function Told({ usage: { monitoring, days, keys, total, warnings } }: { usage: Usage }) {
  if (!monitoring.on) return <Empty title="Nothing is counted"><p>{monitoring.setting} is 0.</p></Empty>;
  const dates = [...new Set(days.map(each => each.date))];
  const requests = (of: string) => days.filter(each => each.date === of).reduce((sum, each) => sum + each.requests, 0);
  return (
    <>
      {warnings.map(each => <p key={each} class="notice">{sentence(each)}</p>)}
      {days.length === 0 ? (
        <Empty title="No request in these days" />
      ) : (
        <>
          <p>
            {many(total.requests, "request")}, {many(total.rows, "row")}, {many(total.jobs, "job")}, {size(total.bytes)}.{" "}
            <span class="soft">Days are those of UTC; the last minute may not be in it yet.</span>
          </p>
          {dates.length > 1 && (
            <Bars title="Requests a day" of="Day" figure="Requests" bars={dates.map(each => ({ name: date(each), value: requests(each) }))} write={count} />
          )}
          <Table title="By key" rows={keys} />
          <Table title="By day and key" rows={[...days].sort((one, other) => other.date.localeCompare(one.date))} />
        </>
      )}
    </>
  );
}

function Table({ title, rows }: { title: string; rows: (Used & { key: string | null; date?: string })[] }) {
  const dated = rows.some(each => each.date);
  return (
    <div class="wide apart" tabIndex={0} role="region" aria-label={title}>
      <table>
        <caption>{title}{rows.length > MOST_ROWS && <span class="soft"> the first {MOST_ROWS} of {count(rows.length)}</span>}</caption>
        <thead>
          <tr>
            {dated && <th scope="col">Day</th>}
            <th scope="col">Key</th>
            <th scope="col" class="number">Requests</th>
            <th scope="col" class="number">Rows</th>
            <th scope="col" class="number">Jobs</th>
            <th scope="col" class="number">Sent</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map(each => (
            <tr key={`${each.date} ${each.key}`}>
              {dated && <td>{each.date && date(each.date)}</td>}
              <th scope="row">{each.key ?? "no key"}</th>
              <td class="number">{count(each.requests)}</td>
              <td class="number">{count(each.rows)}</td>
              <td class="number">{count(each.jobs)}</td>
              <td class="number">{size(each.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
