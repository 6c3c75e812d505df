// What a model was asked in some days, and whether that is still as in training.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Bars, type Bar } from "../charts/bars.tsx";
import { Matrix } from "../charts/matrix.tsx";
import { Pairs, type Pair } from "../charts/pairs.tsx";
import { Field } from "../parts/field.tsx";
import { count, date, number, share } from "../parts/format.ts";
import { day, DAY, spanOf } from "../parts/span.tsx";
import { Empty, Failure, Loading, sentence, Shown } from "../parts/states.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { at, get } from "../service.ts";
import { may } from "../session.ts";
import type { AliasMonitoring, Bin, Drift, Model, MonitoredFeature, Monitoring, Shares, Told, Version } from "../answers.ts";

const SECONDS = 1_000;
const MOST_DAYS = 31;
const USUAL = "production";

export function MonitoringPage({ model, query }: { model: string; query: URLSearchParams }) {
  const found = useLive<Model>(`${at`/v1/models/${model}`}?limit=100`);
  return (
    <>
      <header class="page">
        <h1>Monitoring <a href={to("models", model)}>{model}</a></h1>
      </header>
      <Shown of={found}>{shown => <Watched model={shown} query={query} />}</Shown>
    </>
  );
}

function Watched({ model, query }: { model: Model; query: URLSearchParams }) {
  const aliases = Object.keys(model.aliases);
  const newest = Math.max(0, ...model.versions.map(each => each.version));
  const [alias, version] = [query.get("alias"), query.get("version")];
  const chosen = version ? `version=${version}` : `alias=${alias ?? (aliases.includes(USUAL) ? USUAL : aliases[0])}`;
  const whose = version || alias || aliases.length ? chosen : `version=${newest}`;
  const { from, till } = spanOf(query);
  const go = (more: Record<string, string>) => location.assign(`${to("monitoring", model.name)}?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(whose)), from, to: till, ...more })}`);
  if (!newest && !aliases.length) return <Empty title="There is no version" />;
  const [kind = "", name = ""] = [whose.split("=", 1)[0], whose.slice(whose.indexOf("=") + 1)];
  const versions = [...new Set([...(version ? [Number(version)] : []), ...model.versions.map(each => each.version)])].sort((a, b) => b - a);
  return (
    <>
      <form class="row span" aria-label="What to look at" onSubmit={event => event.preventDefault()}>
        <Field label="Of">
          {given => (
            <select {...given} value={whose} onChange={event => {
              const value = event.currentTarget.value;
              location.assign(`${to("monitoring", model.name)}?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(value)), from, to: till })}`);
            }}>
              {aliases.map(each => <option key={each} value={`alias=${each}`}>{each} (a name)</option>)}
              {versions.map(each => <option key={each} value={`version=${each}`}>Version {each}</option>)}
            </select>
          )}
        </Field>
        <Field label="From">
          {given => <input {...given} type="date" value={from} max={till} onChange={event => event.currentTarget.value && go({ from: event.currentTarget.value })} />}
        </Field>
        <Field label="To">
          {given => <input {...given} type="date" value={till} min={from} onChange={event => event.currentTarget.value && go({ to: event.currentTarget.value })} />}
        </Field>
        <span class="row">{[1, 7, 30].map(days => (
          <button key={days} type="button" class="second" onClick={() => go({ from: day(Date.now() - (days - 1) * DAY), to: day(Date.now()) })}>
            {days === 1 ? "Today" : `${days} days`}
          </button>
        ))}</span>
      </form>
      <p class="soft">Days are those of UTC.</p>
      {kind === "alias" ? <OfAlias model={model.name} alias={name} from={from} till={till} /> : <OfVersion model={model.name} version={name} from={from} till={till} />}
    </>
  );
}

const spanned = (path: string, from: string, till: string) => `${path}/monitoring?from=${encodeURIComponent(from)}&to=${encodeURIComponent(till)}`;

function Off({ setting }: { setting: string }) {
  return (
    <Empty title="Nothing is counted">
      <p>Monitoring is switched off in this deployment. To turn it on, set <code>{setting}</code> to a number of days, such as 90, and deploy again.</p>
      <p class="soft">Counts alone are kept then: no row, no value and no prediction.</p>
    </Empty>
  );
}

function Warnings({ of }: { of: string[] }) {
  if (!of.length) return null;
  return <ul class="notice">{of.map(each => <li key={each}>{sentence(each)}</li>)}</ul>;
}

const STATES: Record<string, [word: string, mood: string, says: string]> = {
  too_few: ["too few to say", "soft", "Fewer than 300 rows came in these days: too few to say whether anything changed."],
  steady: ["as in training", "good", "What comes is as it was in training, as far as counts can tell."],
  drifted: ["changed", "bad", "What comes is not what it was in training. The model may be right all the same: only feedback shows that."],
  no_reference: ["nothing to compare with", "soft", "Training held no rows out, so there is nothing fair to compare with."],
  no_predictions: ["no predictions", "soft", "Nothing was predicted in these days."],
  no_profile: ["nothing to compare with", "soft", "This version does not know what its training looked like. Train it again to compare."],
  alike: ["alike", "good", ""],
  different: ["different", "warn", ""],
};

function State({ of }: { of: string }) {
  const [word, mood] = STATES[of] ?? [of, "soft"];
  return <span class={`badge ${mood}`}>{word}</span>;
}

const milliseconds = (value: number | null, any: number): string => (value === null ? (any ? "over 20 s" : "–") : `${number(value)} ms`);

function Nothing({ model }: { model: string }) {
  return (
    <Empty title="No predictions in these days">
      <p>They show here as soon as somebody asks the model, within a minute or so.{may("predict") && <> <a href={to("try", model)}>Try it</a>, or choose other days.</>}</p>
    </Empty>
  );
}

function OfVersion({ model, version, from, till }: { model: string; version: string; from: string; till: string }) {
  const path = at`/v1/models/${model}/versions/${version}`;
  const found = useLive<Monitoring>(spanned(path, from, till), () => 60 * SECONDS);
  const trained = useLive<Version>(may("read") ? path : null);
  const show = (told: Monitoring) => {
    if (!told.monitoring.on) return <Off setting={told.monitoring.setting} />;
    if (!told.requests) return <><Warnings of={told.warnings} /><Nothing model={model} /></>;
    const accuracy = trained.value?.metrics?.test?.["accuracy"];
    return (
      <>
        <p><State of={told.state} /> {STATES[told.state]?.[2]}</p>
        {told.drifted.length > 0 && <p>Changed: {told.drifted.join(", ")}.</p>}
        <Warnings of={told.warnings} />
        <Traffic told={told} />
        <Days path={path} from={from} till={till} />
        {trained.value?.classes !== null && <Accuracy told={told} held={typeof accuracy === "number" ? accuracy : null} />}
        <Predicted told={told} />
        <Columns told={told} />
      </>
    );
  };
  return <Shown of={found}>{show}</Shown>;
}

function Traffic({ told }: { told: Told }) {
  const { latency } = told;
  return (
    <section aria-labelledby="asked">
      <h2 id="asked">What it was asked</h2>
      <div class="wide" tabIndex={0} role="region" aria-label="Requests">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">Predicted rows</th><th scope="col" class="number">Requests</th>
              <th scope="col" class="number">Refused<span class="soft under">the caller's fault</span></th>
              <th scope="col" class="number">Errors<span class="soft under">the service's</span></th>
              <th scope="col" class="number">Half within</th><th scope="col" class="number">95 % within</th><th scope="col" class="number">99 % within</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <td class="number">{count(told.predicted)}</td><td class="number">{count(told.requests)}</td>
              <td class="number">{count(told.refused)}</td><td class={told.errors ? "number bad" : "number"}>{count(told.errors)}</td>
              {[latency.p50, latency.p95, latency.p99].map((each, place) => <td key={place} class="number">{milliseconds(each, told.requests)}</td>)}
            </tr>
          </tbody>
        </table>
      </div>
    </section>
  );
}

type Daily = { day: string; predicted: number; errors: number; refused: number };
// Days that are over are counted, and stay as they are.
const over = new Map<string, Daily>();

/** Day by day: a report each, one after the other. */
function Days({ path, from, till }: { path: string; from: string; till: string }) {
  const [days, see] = useState<Daily[]>([]);
  const [failure, fail] = useState<unknown>(null);
  const wanted: string[] = [];
  for (let time = Date.parse(from); time <= Date.parse(till) && wanted.length <= MOST_DAYS; time += DAY) wanted.push(day(time));
  const many = wanted.length > MOST_DAYS;
  useEffect(() => {
    const leaving = new AbortController();
    see([]);
    fail(null);
    const look = async () => {
      for (const each of many ? [] : wanted) {
        const known = `${path} ${each}`;
        let found = over.get(known);
        if (!found) {
          const told = await get<Monitoring>(spanned(path, each, each), leaving.signal);
          found = { day: each, predicted: told.predicted, errors: told.errors, refused: told.refused };
          if (each < day(Date.now() - DAY)) over.set(known, found);
        }
        const one = found;
        if (!leaving.signal.aborted) see(before => [...before, one]);
      }
    };
    look().catch(error => leaving.signal.aborted || fail(error));
    return () => leaving.abort();
  }, [path, from, till]);
  if (wanted.length < 2) return null;
  if (many) return <p class="soft">Choose at most {MOST_DAYS} days to see them one by one.</p>;
  const bars = (of: (each: Daily) => number): Bar[] => days.map(each => ({ name: date(each.day), value: of(each) }));
  return (
    <section aria-labelledby="days">
      <h2 id="days">Day by day</h2>
      {failure !== null ? <Failure error={failure} /> : days.length < wanted.length ? <Loading /> : (
        <div class="charts">
          <Bars title="Predicted rows" of="Day" figure="Rows" write={count} bars={bars(each => each.predicted)} />
          {days.some(each => each.refused) && <Bars title="Requests refused" of="Day" figure="Requests" write={count} bars={bars(each => each.refused)} />}
          {days.some(each => each.errors) ? <Bars title="Errors" of="Day" figure="Requests" write={count} bars={bars(each => each.errors)} /> : <p>No request met an error of the service.</p>}
        </div>
      )}
    </section>
  );
}

function Accuracy({ told, held }: { told: Told; held: number | null }) {
  const { feedback, expected_accuracy } = told;
  const live = feedback.accuracy;
  const bars = [
    ...(held === null ? [] : [{ name: "Held out in training", value: held }]),
    ...(expected_accuracy === null ? [] : [{ name: "Expected now", value: expected_accuracy, note: "as sure as it is of itself" }]),
    ...(live ? [{ name: "Live", value: live.value, note: `${share(live.low)} to ${share(live.high)}, of ${count(feedback.labelled)} that are known` }] : []),
  ];
  const worse = live && held !== null && live.high < held;
  const classes = [...new Set(feedback.confusion.flatMap(each => [each.predicted, ...(each.true === null ? [] : [each.true])]))].sort();
  const cells = classes.map(is => classes.map(taken => feedback.confusion.find(each => each.true === is && each.predicted === taken)?.count ?? 0));
  return (
    <section aria-labelledby="right">
      <h2 id="right">How often it is right</h2>
      {bars.length > 0 && <Bars title="Accuracy" of="Of" figure="Accuracy" write={share} most={1} bars={bars} />}
      {worse && <p class="bad">It is right less often than on the rows held out in training.</p>}
      {live && feedback.confusion.length > 0 && <Matrix title="What was really so" classes={classes} cells={cells} />}
      {!live && (
        <p class="soft">
          Nobody has told yet how predictions turned out. Ask with <code>"receipt": true</code>, keep the receipt of each row, and send it to <code>:feedback</code> with
          what was really so.
        </p>
      )}
    </section>
  );
}

/** A drift's figures in words. */
function Words({ of, what }: { of: Drift; what: string }) {
  if (of.psi === null || of.state === "too_few") return null;
  return (
    <p class="soft">
      {what} {of.state === "drifted" ? "differs from training more than chance explains" : of.state === "steady" ? "is as in training, or nearly" : "has nothing fair to be compared with"}. Its
      distance (PSI) is {number(of.psi)}{of.psi_expected !== null && `; ${number(of.psi_expected)} comes by chance alone`}
      {of.p_value !== null && (of.p_value < 0.001 ? ". Chance hardly ever makes as much" : `. Chance makes as much in ${share(of.p_value)} of cases`)}.
    </p>
  );
}

const edge = (value: number | string): string => (typeof value === "number" ? number(value) : date(value));

function named(bin: Bin): string {
  if ("word" in bin) return `“${bin.word}”`;
  if ("value" in bin) return String(bin.value);
  if (bin.from === null) return bin.to === null ? "any" : `below ${edge(bin.to)}`;
  return bin.to === null ? `${edge(bin.from)} and more` : `${edge(bin.from)} to ${edge(bin.to)}`;
}

const some = ({ training, now }: Shares): boolean => Boolean(training || now);

function Columns({ told }: { told: Monitoring }) {
  const order = { drifted: 0, steady: 1, too_few: 2, no_reference: 3 };
  const columns = Object.entries(told.features).sort(([, one], [, other]) => order[one.state] - order[other.state] || (other.psi ?? 0) - (one.psi ?? 0));
  const [most, more] = useState(12);
  if (!columns.length) return null;
  return (
    <section aria-labelledby="columns">
      <h2 id="columns">Column by column</h2>
      <p class="soft">Shares of all rows: then, in training, and now. Columns that changed come first.</p>
      <div class="reports">
        {columns.slice(0, most).map(([name, column]) => <Column key={name} name={name} column={column} />)}
      </div>
      {columns.length > most && <button type="button" class="second" onClick={() => more(most + 24)}>Show more of {count(columns.length)} columns</button>}
    </section>
  );
}

function Column({ name, column }: { name: string; column: MonitoredFeature }) {
  const pairs: Pair[] = [
    ...(column.bins ?? []).map(bin => ({ name: named(bin), training: bin.training, now: bin.now })),
    ...(column.other && some(column.other) ? [{ name: "other words", ...column.other }] : []),
    ...(column.unseen ? [{ name: "words never seen", training: 0, now: column.unseen }] : []),
    ...(some(column.missing) ? [{ name: "missing", ...column.missing }] : []),
  ];
  const moved = [...pairs].sort((one, other) => gap(other) - gap(one))[0];
  return (
    <article class="card">
      <h3>{name} <State of={column.state} /></h3>
      {column.state === "drifted" && moved && (
        <p>Most of it: {moved.name}, {share(moved.training ?? 0)} then and {share(moved.now ?? 0)} now.</p>
      )}
      {pairs.length > 0 && <Pairs title="" of={column.kind === "category" ? "Word" : "Value"} then="Then" pairs={pairs} />}
      <Words of={column} what="It" />
    </article>
  );
}

const gap = (pair: Shares): number => Math.abs((pair.now ?? 0) - (pair.training ?? 0));

function Predicted({ told }: { told: Monitoring }) {
  const { predictions } = told;
  const then = predictions.reference === "held_out" ? "Held out" : "Then";
  const { probability } = predictions;
  return (
    <section aria-labelledby="said">
      <h2 id="said">What it said</h2>
      <div class="reports">
        <article class="card">
          <h3>Labels <State of={predictions.state} /></h3>
          <Pairs title="" of="Label" then={then} pairs={predictions.labels.slice(0, 30).map(each => ({ name: String(each.label), training: each.training, now: each.now }))} />
          <Words of={predictions} what="The mix of labels" />
        </article>
        {probability && (
          <article class="card">
            <h3>How sure it is <State of={probability.state} /></h3>
            <Pairs title="" of="Top probability" then={then}
              pairs={probability.bins.filter(some).map(each => ({ name: `${share(each.from)} to ${share(each.to)}`, training: each.training, now: each.now }))} />
            <Words of={probability} what="Its certainty" />
          </article>
        )}
      </div>
    </section>
  );
}

function OfAlias({ model, alias, from, till }: { model: string; alias: string; from: string; till: string }) {
  const found = useLive<AliasMonitoring>(spanned(at`/v1/models/${model}/aliases/${alias}`, from, till), () => 60 * SECONDS);
  const show = (told: AliasMonitoring) => {
    if (!told.monitoring.on) return <Off setting={told.monitoring.setting} />;
    return (
      <>
        <Warnings of={told.warnings} />
        {told.versions.every(each => !each.requests) ? <Nothing model={model} /> : <Arms model={model} told={told} from={from} till={till} />}
      </>
    );
  };
  return <Shown of={found}>{show}</Shown>;
}

function Arms({ model, told, from, till }: { model: string; told: AliasMonitoring; from: string; till: string }) {
  const all = told.versions.reduce((sum, each) => sum + each.weight, 0);
  const rows: [string, (each: AliasMonitoring["versions"][number]) => ComponentChildren][] = [
    ["Its share of the traffic, as set", each => share(each.weight / all)],
    ["Its share of the requests", each => (each.share === null ? "–" : share(each.share))],
    ["Predicted rows", each => count(each.predicted)],
    ["Requests", each => count(each.requests)],
    ["Refused, the caller's fault", each => count(each.refused)],
    ["Errors, the service's", each => <span class={each.errors ? "bad" : ""}>{count(each.errors)}</span>],
    ["Half answered within", each => milliseconds(each.latency.p50, each.requests)],
    ["95 % answered within", each => milliseconds(each.latency.p95, each.requests)],
    ["Accuracy that it expects", each => (each.expected_accuracy === null ? "–" : share(each.expected_accuracy))],
    ["Live accuracy", each => (each.feedback.accuracy ? `${share(each.feedback.accuracy.value)} (${share(each.feedback.accuracy.low)} to ${share(each.feedback.accuracy.high)})` : "nobody has told yet")],
    ["What comes", each => <State of={each.state} />],
    ["Columns that changed", each => each.drifted.slice(0, 10).join(", ") || "none"],
    ["Labels beside the main version's", each => (each.mix ? <State of={each.mix.state} /> : "–")],
  ];
  const labels = [...new Set(told.versions.flatMap(each => each.labels.map(one => String(one.label))))].slice(0, 12);
  const labelled = labels.map((label): (typeof rows)[number] => [`Says “${label}”`, each => {
    const found = each.labels.find(one => String(one.label) === label)?.share;
    return found === null || found === undefined ? "–" : share(found);
  }]);
  return (
    <section aria-labelledby="arms">
      <h2 id="arms">Versions side by side</h2>
      <div class="wide" tabIndex={0} role="region" aria-label="Table of versions">
        <table>
          <thead>
            <tr><td />{told.versions.map(each => <th key={each.version} scope="col">Version {each.version}</th>)}</tr>
          </thead>
          <tbody>
            {[...rows, ...labelled].map(([name, of]) => (
              <tr key={name}><th scope="row">{name}</th>{told.versions.map(each => <td key={each.version}>{of(each)}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="row">
        {told.versions.map(each => (
          <a key={each.version} href={`${to("monitoring", model)}?${new URLSearchParams({ version: String(each.version), from, to: till })}`}>
            Version {each.version}, column by column
          </a>
        ))}
      </p>
    </section>
  );
}
