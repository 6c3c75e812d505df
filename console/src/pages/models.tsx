// All models: what each is, what it reached, and how that went from version to version.
import { useLive } from "../live.ts";
import { Spark } from "../charts/spark.tsx";
import { Find, NoneFound, useNarrowed } from "../parts/find.tsx";
import { method, metric } from "../parts/format.ts";
import { valued } from "../parts/measures.ts";
import { Pager } from "../parts/pager.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { Upload } from "../parts/upload.tsx";
import { to } from "../router.ts";
import { may } from "../session.ts";
import type { ListedDatasets, ListedModels, ModelEntry } from "../answers.ts";

const PAGE = 50;
const SECONDS = 1_000;

export function Models({ query }: { query: URLSearchParams }) {
  const { listed: models, prefix, first, many } = useNarrowed("/v1/models", query, NONE, () => 15 * SECONDS);
  return (
    <>
      <header class="page">
        <h1>Models</h1>
        {may("train") && models.value && models.value.entries.length > 0 && <a class="button" href={to("datasets")}>Train a model</a>}
      </header>
      {many && <Find page="models" prefix={prefix} />}
      <Shown of={models}>{listed => <Listed listed={listed} prefix={prefix} first={first} />}</Shown>
    </>
  );
}

const NONE: ListedModels = { models: [], entries: [], next_after: null };

function Listed({ listed, prefix, first }: { listed: ListedModels; prefix: string; first: boolean }) {
  if (!listed.entries.length && prefix && !listed.next_after)
    return <NoneFound title="No model is called so" prefix={prefix} page="models" all="All models" />;
  if (!listed.entries.length && first && !listed.next_after)
    return may("train") ? <First /> : <Empty title="There is no model yet"><p>This key may look, and not train.</p></Empty>;
  return (
    <>
      <ul class="cards">
        {listed.entries.map(entry => (
          <li key={entry.name}>
            <Card entry={entry} />
          </li>
        ))}
      </ul>
      <Pager page="models" prefix={prefix} first={first} next={listed.next_after} />
    </>
  );
}

/** What somebody does who has no model: bring a file, here and now. */
function First() {
  const present = useLive<ListedDatasets>(`/v1/datasets?limit=${PAGE}`).value?.datasets.map(each => each.name) ?? [];
  return (
    <div class="first">
      <h2>There is no model yet</h2>
      <p>A model learns from a file, such as a table with a row for each case and a column that says how it ended.</p>
      <ol>
        <li>Bring the file.</li>
        <li>Look at what each column was taken for.</li>
        <li>Choose the column to predict, and train.</li>
      </ol>
      <Upload taken={present} done={name => { location.hash = to("datasets", name); }} />
      {present.length > 0 && <p>Or train from <a href={to("datasets")}>a dataset that is there</a>.</p>}
    </div>
  );
}

function Card({ entry }: { entry: ModelEntry }) {
  const { newest } = entry;
  const trend = entry.trend.map(each => each.value);
  return (
    <article class="card">
      <h2>
        <a href={to("models", entry.name)}>{entry.name}</a>
      </h2>
      <p class="soft">
        {newest ? (
          <>
            {method(newest.algorithm)} · version {newest.version} · <Time at={newest.created} />
          </>
        ) : (
          "all versions were deleted"
        )}
      </p>
      {entry.description && <p>{entry.description}</p>}
      {newest?.metric && (
        <p class="figure">
          <strong>{valued(newest.metric.name, newest.metric.value)}</strong> <span class="soft">{metric(newest.metric.name)}</span>
          <Spark values={trend} label={`${metric(newest.metric.name)} of the last ${trend.length} versions`} />
        </p>
      )}
      <ul class="tags">
        {entry.aliases.map(alias => (
          <li key={alias} class="alias">
            {alias}
          </li>
        ))}
        {Object.entries(entry.tags).map(([name, value]) => (
          <li key={`tag ${name}`}>
            {name}
            {value && `: ${value}`}
          </li>
        ))}
      </ul>
    </article>
  );
}
