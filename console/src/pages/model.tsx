// One model: its versions side by side, which of them answers, and what people say of it.
import { useState } from "preact/hooks";
import { Line } from "../charts/line.tsx";
import { About } from "../parts/about.tsx";
import { Confirmed } from "../parts/dialog.tsx";
import { Disclosure } from "../parts/disclosure.tsx";
import { written } from "../parts/facts.tsx";
import { count, method, metric, words } from "../parts/format.ts";
import { figures, headline, lowerIsBetter, named, ofTheRows, valued } from "../parts/measures.ts";
import { Empty, Failure, Loading, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at, Refused } from "../service.ts";
import { may } from "../session.ts";
import { Schedule } from "./schedule.tsx";
import { Traffic, type Choices } from "./traffic.tsx";
import { source } from "./version.tsx";
import type { Model, Version, Versions } from "../answers.ts";

const PAGE = 25;
const SECONDS = 1_000;
const MOST_COMPARED = 3;

export function ModelPage({ name, query }: { name: string; query: URLSearchParams }) {
  const before = query.get("before");
  const chosen = (query.get("compare") ?? "").split(",").map(Number).filter(each => each > 0).slice(0, MOST_COMPARED);
  const path = at`/v1/models/${name}`;
  const model = useLive<Model>(`${path}?limit=${PAGE}`, () => 10 * SECONDS);
  const versions = useLive<Versions>(`${path}/versions?limit=${PAGE}${before ? `&before=${encodeURIComponent(before)}` : ""}`, () => 20 * SECONDS);
  const again = () => {
    model.again();
    versions.again();
  };
  const none = versions.value?.versions.length === 0 && !before;
  const go = (more: Record<string, string>) => {
    const asked = new URLSearchParams({ ...(before && { before }), ...(chosen.length && { compare: chosen.join() }), ...more });
    for (const [each, value] of [...asked]) if (!value) asked.delete(each);
    return `${to("models", name)}${asked.size ? `?${asked}` : ""}`;
  };
  const choose = (version: number, on: boolean) =>
    location.replace(go({ compare: (on ? [...chosen, version] : chosen.filter(each => each !== version)).join() }));
  // Where the whole page is of before, that is said once.
  const once = model.error && versions.value ? { ...versions, error: undefined } : versions;
  const gone = model.error instanceof Refused && model.error.status === 404;
  if (gone)
    return (
      <>
        <p class="soft"><a href={to("models")}>All models</a></p>
        <header class="page"><h1>{name}</h1></header>
        <Failure error={model.error} again={again} />
      </>
    );
  return (
    <>
      <p class="soft"><a href={to("models")}>All models</a></p>
      <header class="page">
        <h1>{name}</h1>
        <nav class="row" aria-label="This model">
          {may("predict") && !none && <a class="button" href={to("try", name)}>Try it</a>}
          {may("inspect") && <a class="button second" href={to("monitoring", name)}>Monitoring</a>}
        </nav>
      </header>
      <Shown of={model}>{found => <About model={found} path={path} again={again} />}</Shown>
      <section aria-labelledby="versions">
        <h2 id="versions">Versions</h2>
        <Shown of={once}>
          {listed =>
            listed.versions.length === 0 ? (
              <Empty title="There is no version">
                {may("admin") && (model.value?.deleted.length ?? 0) > 0 && <p>What was deleted can be restored below, while it is kept.</p>}
              </Empty>
            ) : (
              <>
                {listed.versions.length > 1 && <p class="soft">Tick two or three to see them side by side.</p>}
                <List name={name} listed={listed} chosen={chosen} choose={choose} />
                <nav class="pager" aria-label="Pages">
                  {before && <a href={go({ before: "" })}>Newest</a>}
                  {listed.next_before && <a href={go({ before: String(listed.next_before) })}>Older versions</a>}
                </nav>
                {(before || listed.next_before) && <Open name={name} />}
              </>
            )
          }
        </Shown>
      </section>
      {chosen.length > 1 && <Comparison name={name} chosen={chosen} />}
      {model.value && !none && <Traffic model={model.value} choices={choicesOf(model.value)} again={again} />}
      {model.value && may("inspect") && <Schedule name={name} />}
      {model.value && may("admin") && <Deleting model={model.value} path={path} again={again} />}
    </>
  );
}

/** The newest ones, the newest first. */
function choicesOf({ versions, next_before }: Model): Choices {
  return { versions: versions.map(each => each.version).sort((a, b) => b - a), all: next_before === null };
}

/** Of more versions than a page lists, one by its number. */
function Open({ name }: { name: string }) {
  const [version, write] = useState("");
  return (
    <form class="row" onSubmit={event => { event.preventDefault(); location.assign(to("models", name, version)); }}>
      <label class="inline">
        Version
        <input type="number" inputMode="numeric" min={1} max={999_999_999} step={1} required value={version}
          onInput={event => write(event.currentTarget.value)} />
      </label>
      <button type="submit" class="second">Open it</button>
    </form>
  );
}

function List({ name, listed, chosen, choose }: { name: string; listed: Versions; chosen: number[]; choose: (version: number, on: boolean) => void }) {
  const best = headline(listed.versions.find(each => headline(each.metrics))?.metrics ?? null)?.[0];
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="Table of versions">
      <table class="versions">
        <thead>
          <tr>
            <th scope="col"><span class="unseen">Compare</span></th>
            <th scope="col">Version</th>
            {best && <th scope="col" class="number">{metric(best)}</th>}
            <th scope="col" class="roomy">Algorithm</th>
            <th scope="col" class="number roomy">Rows</th>
            <th scope="col">Trained</th>
          </tr>
        </thead>
        <tbody>
          {listed.versions.map(each => {
            const reached = best === undefined ? undefined : figures(each.metrics?.test ?? each.metrics?.training).find(([key]) => key === best)?.[1];
            const ticked = chosen.includes(each.version);
            return (
              <tr key={each.version}>
                <td>
                  <input type="checkbox" aria-label={`Compare version ${each.version}`} checked={ticked}
                    disabled={!ticked && chosen.length >= MOST_COMPARED}
                    onChange={event => choose(each.version, event.currentTarget.checked)} />
                </td>
                <th scope="row">
                  <a href={to("models", name, each.version)}>Version {each.version}</a>
                  {each.aliases.length > 0 && (
                    <ul class="tags">{each.aliases.map(alias => <li key={alias} class="alias">{alias}</li>)}</ul>
                  )}
                </th>
                {best && <td class="number">{reached === undefined ? "–" : valued(best, reached)}</td>}
                <td class="roomy">{method(each.algorithm)}</td>
                <td class="number roomy">{each.rows === null ? "–" : count(each.rows)}</td>
                <td><Time at={each.created} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Comparison({ name, chosen }: { name: string; chosen: number[] }) {
  // As many as can be chosen, for hooks are not counted anew.
  const path = (place: number) => (chosen[place] ? at`/v1/models/${name}/versions/${chosen[place]}` : null);
  const found = [useLive<Version>(path(0)), useLive<Version>(path(1)), useLive<Version>(path(2))].slice(0, chosen.length);
  const failed = found.find(each => each.error && !each.value);
  const all = found.flatMap(each => (each.value ? [each.value] : []));
  return (
    <section aria-labelledby="compared">
      <h2 id="compared">Side by side</h2>
      {failed ? <Failure error={failed.error} again={failed.again} /> : all.length < chosen.length ? <Loading /> : <Compared versions={all} />}
    </section>
  );
}

interface Row {
  name: string;
  cells: string[];
  best?: number;
}

function Compared({ versions }: { versions: Version[] }) {
  const measured = (part: "test" | "training"): Row[] =>
    named(...versions.map(each => each.metrics?.[part])).map(name => {
      const values = versions.map(each => figures(each.metrics?.[part]).find(([key]) => key === name)?.[1]);
      const told = values.filter(each => each !== undefined);
      const top = lowerIsBetter(name) ? Math.min(...told) : Math.max(...told);
      const unlike = told.length > 1 && new Set(told).size > 1 && !ofTheRows(name);
      return { name: metric(name), cells: values.map(each => (each === undefined ? "–" : valued(name, each))), ...(unlike && { best: values.indexOf(top) }) };
    });
  const keys = [...new Set(versions.flatMap(each => Object.keys(each.hyperparameters ?? {})))];
  const groups: [string, Row[]][] = [
    ["On held-out rows", measured("test")],
    ["On the rows trained on", measured("training")],
    ["Hyperparameters", [
      { name: "algorithm", cells: versions.map(each => method(each.algorithm)) },
      ...keys.map(name => ({ name: words(name), cells: versions.map(each => (name in (each.hyperparameters ?? {}) ? written(each.hyperparameters?.[name]) : "–")) })),
    ]],
    ["Data", [
      { name: "from", cells: versions.map(each => source(each)) },
      { name: "rows trained on", cells: versions.map(each => (each.rows === null ? "–" : count(each.rows))) },
      { name: "rows held out", cells: versions.map(each => (each.test_rows === null ? "–" : count(each.test_rows))) },
      { name: "SHA-256 of the data", cells: versions.map(each => each.lineage.data?.sha256?.slice(0, 12) ?? "–") },
      { name: "seed", cells: versions.map(each => written(each.lineage.seed)) },
      { name: "columns", cells: versions.map(each => (each.input ? "–" : count(each.features.length))) },
    ]],
  ];
  const roc = versions.flatMap(each => {
    const curve = (each.curves?.test ?? each.curves?.training)?.[0];
    return curve ? [{ name: `version ${each.version}`, points: curve.roc.fpr.map((x, place): [number, number | null] => [x, curve.roc.tpr[place] ?? null]) }] : [];
  });
  return (
    <>
      <div class="wide" tabIndex={0} role="region" aria-label="Table side by side">
        <table class="compared">
          <thead>
            <tr><td />{versions.map(each => <th key={each.version} scope="col">Version {each.version}</th>)}</tr>
          </thead>
          {groups.filter(([, rows]) => rows.length).map(([title, rows]) => (
            <tbody key={title}>
              <tr><th scope="rowgroup" colSpan={versions.length + 1} class="group">{title}</th></tr>
              {rows.map(row => {
                const differs = new Set(row.cells).size > 1;
                return (
                  <tr key={row.name} class={differs ? "differs" : ""}>
                    <th scope="row">{row.name}{differs && <span class="soft"> differs</span>}</th>
                    {row.cells.map((cell, place) => (
                      <td key={place}>{cell}{row.best === place && <span class="good"> best</span>}</td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          ))}
        </table>
      </div>
      {roc.length > 1 && (
        <Line title="ROC, side by side" x="false alarms" y="found" xRange={[0, 1]} yRange={[0, 1]}
          series={[...roc, { name: "chance", dashed: true, points: [[0, 0], [1, 1]] }]} />
      )}
    </>
  );
}

function Deleting({ model, path, again }: { model: Model; path: string; again: () => void }) {
  const body = () => (
    <>
      {model.deleted.length > 0 && (
        <table>
          <caption>Deleted versions</caption>
          <thead>
            <tr><th scope="col">Version</th><th scope="col">Deleted</th><th scope="col">Can be restored until</th><td /></tr>
          </thead>
          <tbody>
            {model.deleted.map(each => (
              <tr key={each.version}>
                <th scope="row">Version {each.version}</th>
                <td><Time at={each.deleted} /></td>
                <td>{each.restorable_until ? <Time at={each.restorable_until} /> : "gone for good"}</td>
                <td>
                  {each.restorable_until && (
                    <Confirmed label="Restore" danger={false} title={`Restore version ${each.version}?`} confirm="Restore"
                      act={() => ask("POST", `${path}/versions/${each.version}:restore`).then(again)} />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Confirmed label="Delete this model" title={`Delete ${model.name}?`} confirm="Delete the model"
        act={() => ask("DELETE", path).then(() => location.assign(to("models")))}>
        <p>All its versions are deleted. A version that a name points at holds it back: remove the names first.</p>
      </Confirmed>
    </>
  );
  return <Disclosure title="Delete and restore">{body}</Disclosure>;
}
