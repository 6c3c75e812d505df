// One version: how good it is, where it errs, what it learnt, and of what it was made.
import { useState } from "preact/hooks";
import { Bars } from "../charts/bars.tsx";
import { Interval } from "../charts/interval.tsx";
import { Line } from "../charts/line.tsx";
import { Matrix } from "../charts/matrix.tsx";
import { About } from "../parts/about.tsx";
import { Confirmed } from "../parts/dialog.tsx";
import { Disclosure } from "../parts/disclosure.tsx";
import { Facts, written, type Fact } from "../parts/facts.tsx";
import { Field } from "../parts/field.tsx";
import { count, method, metric, moment, number, share, size, words } from "../parts/format.ts";
import { figures, headline, lowerIsBetter, named, says, valued } from "../parts/measures.ts";
import { Failure, sentence, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at, file, get, reachable } from "../service.ts";
import { may } from "../session.ts";
import type { CurvesOfClass, Graph, Job, Label, Measured, Parameters, Placed, Step, Version, VersionComparison } from "../answers.ts";

const MOST_BARS = 20;
const [FEW_CLASSES, MOST_CLASSES] = [10, 50];
type Part = "test" | "training";
const PARTS: Record<Part, string> = { test: "rows held out", training: "rows trained on" };

/** Where its rows came from, for people. */
export function source(version: Version): string {
  const { registered, lineage } = version;
  if (registered) return version.graph ? "an ONNX file, made elsewhere" : "made elsewhere";
  const uri = lineage.data?.uri ?? "rows that were sent with the request";
  return uri.replace(/^dataset:\/\/([^/]+).*/, "dataset $1");
}

export function VersionPage({ model, version }: { model: string; version: string }) {
  const path = at`/v1/models/${model}/versions/${version}`;
  const found = useLive<Version>(path);
  return (
    <>
      <header class="page">
        <h1><a href={to("models", model)}>{model}</a> version {version}</h1>
        {(found.value ?? !found.error) && <nav class="row" aria-label="This version">
          {may("predict") && <a class="button" href={to("try", model, version)}>Try it</a>}
          {may("inspect") && <a class="button second" href={`${to("monitoring", model)}?version=${encodeURIComponent(version)}`}>Monitoring</a>}
        </nav>}
      </header>
      <Shown of={found}>{shown => <Whole version={shown} path={path} again={found.again} />}</Shown>
    </>
  );
}

function Whole({ version, path, again }: { version: Version; path: string; again: () => void }) {
  const parts = (["test", "training"] as Part[]).filter(part => version.metrics?.[part]);
  const [chosen, choose] = useState<Part | undefined>(undefined);
  const part = chosen ?? parts[0];
  const measured = part && version.metrics?.[part];
  // Beside the figures where there is room.
  const few = (measured?.per_class ?? []).length <= 4;
  return (
    <>
      <p class="soft">{method(version.algorithm)} · {version.task} · <Time at={version.created} /></p>
      <About model={version} path={path} again={again} />
      {version.warnings.length > 0 && (
        <div class="notice">
          <h2 class="warn">To know before you use it</h2>
          <ul>{version.warnings.map(each => <li key={each}>{sentence(each)}</li>)}</ul>
        </div>
      )}
      <div class="halves">
        <section aria-labelledby="good">
          <h2 id="good">How good it is</h2>
          {parts.length ? <Figures version={version} parts={parts} /> : <p>It was made elsewhere, and not measured here.</p>}
        </section>
        {measured && part && (measured.confusion_matrix || version.curves) && (
          <section aria-labelledby="errs">
            <h2 id="errs">Where it errs</h2>
            {parts.length > 1 && (
              <Field label="Mistakes and curves on">
                {given => (
                  <select {...given} value={part} onChange={event => choose(event.currentTarget.value as Part)}>
                    {parts.map(each => <option key={each} value={each}>{PARTS[each]}</option>)}
                  </select>
                )}
              </Field>
            )}
            {measured.confusion_matrix && version.classes && (
              <Matrix title="Confusion matrix" classes={version.classes} cells={measured.confusion_matrix} />
            )}
            {few && <Classes measured={measured} />}
          </section>
        )}
      </div>
      {measured && part && (
        <>
          {!few && <Classes measured={measured} />}
          {version.curves?.[part] && <Curves key={part} curves={version.curves[part]} />}
        </>
      )}
      {version.comparison && <Beside version={version} compared={version.comparison} />}
      {version.metrics?.history && version.metrics.history.length > 1 && <Epochs history={version.metrics.history} />}
      {version.importance && <Importance of={version.importance} />}
      {version.graph && <Ports of={version.graph} />}
      {may("inspect") && version.features.length > 0 && !version.input && !version.graph && (
        <Disclosure title="What it learnt of each column">{() => <Learnt path={path} />}</Disclosure>
      )}
      <Disclosure title="What it was trained on">{() => <Origin version={version} />}</Disclosure>
      <Disclosure title="Hyperparameters">
        {() => <Facts facts={Object.entries(version.hyperparameters ?? {}).map(([name, value]): Fact => [words(name), written(value)])} />}
      </Disclosure>
      {may("train") && <Disclosure title="Downloads">{() => <Downloads version={version} path={path} />}</Disclosure>}
      <Card version={version} />
      {may("admin") && (
        <div class="row apart">
          <Confirmed danger={false} label="Let it answer" title={`Version ${version.version} for everybody?`} confirm="Let it answer"
            act={() => ask("POST", at`/v1/models/${version.name}/aliases/production:promote`, { body: { version: version.version } }).then(() => location.assign(to("models", version.name)))}>
            <p>All traffic of “production” goes to it. You can roll back on the model's page.</p>
          </Confirmed>
          <Confirmed label="Delete this version" title={`Delete version ${version.version}?`} confirm="Delete the version"
            act={() => ask("DELETE", path).then(() => location.assign(to("models", version.name)))}>
            <p>Whoever asks for it is refused from then on. It can be restored for some days; a version that a name points at cannot be deleted.</p>
          </Confirmed>
        </div>
      )}
    </>
  );
}

/** What the graph of an imported version takes and gives. */
function Ports({ of }: { of: Graph }) {
  const ports = [...of.inputs.map(each => ({ ...each, verb: "takes" })), ...of.outputs.map(each => ({ ...each, verb: "gives" }))];
  return (
    <section aria-labelledby="graph">
      <h2 id="graph">What its graph takes and gives</h2>
      <p class="soft">
        An imported graph of {count(of.nodes)} nodes{of.producer && `, made by ${of.producer}`}. What it computes is not known here: it is
        not explained, and is run by onnxruntime.
      </p>
      <div class="wide" tabIndex={0} role="region" aria-label="Inputs and outputs">
        <table>
          <thead>
            <tr><th scope="col">It</th><th scope="col">Name</th><th scope="col">In the graph</th><th scope="col">Datatype</th><th scope="col">Of an instance</th></tr>
          </thead>
          <tbody>
            {ports.slice(0, MOST_CLASSES).map(each => (
              <tr key={`${each.verb} ${each.name}`}>
                <td>{each.verb}</td>
                <th scope="row">{each.name}</th>
                <td>{"output" in each ? String(each.output) || "ours" : each.name}</td>
                <td>{each.datatype}</td>
                <td>{each.shape.map(length => length ?? "any").join(" × ") || "one"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ports.length > MOST_CLASSES && <p class="soft">And {count(ports.length - MOST_CLASSES)} more.</p>}
    </section>
  );
}

const saidBy = ({ graph, classes }: Version, names: (labels: Label[]) => string): string =>
  classes ? `one of ${count(classes.length)} classes: ${names(classes)}`
    : graph ? graph.outputs.map(each => each.name).join(", ")
    : "which cluster a row is in";

function Figures({ version, parts }: { version: Version; parts: Part[] }) {
  const names = named(...parts.map(part => version.metrics?.[part]));
  const value = (part: Part, name: string) => figures(version.metrics?.[part]).find(each => each[0] === name)?.[1];
  return (
    <table class="figures">
      <thead>
        <tr><th scope="col">Figure</th>{parts.map(part => <th key={part} scope="col" class="number">{PARTS[part]}</th>)}</tr>
      </thead>
      <tbody>
        {names.map(name => (
          <tr key={name}>
            <th scope="row">{metric(name)}{says(name) && <span class="soft under">{says(name)}</span>}</th>
            {parts.map(part => {
              const found = value(part, name);
              return <td key={part} class="number">{found === undefined ? "–" : valued(name, found)}</td>;
            })}
          </tr>
        ))}
        <tr>
          <th scope="row">rows</th>
          {parts.map(part => <td key={part} class="number">{count((part === "test" ? version.test_rows : version.rows) ?? 0)}</td>)}
        </tr>
      </tbody>
    </table>
  );
}

/** What its schedule compared it with, and by how much it is better or worse. */
function Beside({ version, compared }: { version: Version; compared: VersionComparison }) {
  const { against, metric: name, confidence, rows, old, difference, low, high, reason } = compared;
  const other = <a href={to("models", version.name, against)}>version {against}</a>;
  return (
    <section aria-labelledby="beside">
      <h2 id="beside">Beside the version before</h2>
      {old === null || compared.new === null || difference === null || low === null || high === null ? (
        <p>It was not compared with {other}{reason && `: ${sentence(reason)}`}</p>
      ) : (
        <>
          <p>
            {metric(name)} {valued(name, compared.new)}, of {other} {valued(name, old)}, on the same {count(rows ?? 0)} rows.
            The difference is {number(difference)}, and lies between {number(low)} and {number(high)} with {share(confidence)} confidence.
          </p>
          <Interval title={`${metric(name)}, new minus old`} value={difference} low={low} high={high} better={lowerIsBetter(name) ? "less" : "more"} />
        </>
      )}
    </section>
  );
}

function Epochs({ history }: { history: Step[] }) {
  const of = (name: string) => ({ name: metric(name), points: history.map((step): [number, number | null] => [step.done, step[name] ?? null]) });
  const names = [...new Set(history.flatMap(step => Object.keys(step)))].filter(name => name !== "done" && name !== "of");
  const [losses, others] = [names.filter(name => name.includes("loss")), names.filter(name => !name.includes("loss"))];
  return (
    <section aria-labelledby="epochs">
      <h2 id="epochs">How it learnt</h2>
      <div class="charts">
        {losses.length > 0 && <Line title="Loss, lower is better" x="epoch" y="loss" series={losses.map(of)} />}
        {others.map(name => <Line key={name} title={metric(name)} x="epoch" y={metric(name)} series={[of(name)]} />)}
      </div>
    </section>
  );
}

function Classes({ measured }: { measured: Measured }) {
  const all = measured.per_class ?? [];
  if (!all.length) return null;
  const many = all.length > FEW_CLASSES;
  const classes = many ? [...all].sort((one, other) => one.f1 - other.f1) : all;
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="Class by class">
      <table>
        <caption>
          Class by class
          {many && <span class="soft"> the weakest first{all.length > MOST_CLASSES && `: ${MOST_CLASSES} of ${count(all.length)}`}</span>}
        </caption>
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col" class="number">Precision<span class="soft under">right, of those it says</span></th>
            <th scope="col" class="number">Recall<span class="soft under">found, of those there are</span></th>
            <th scope="col" class="number">F1</th>
            <th scope="col" class="number">Rows</th>
          </tr>
        </thead>
        <tbody>
          {classes.slice(0, MOST_CLASSES).map(each => (
            <tr key={String(each.class)}>
              <th scope="row">{String(each.class)}</th>
              <td class="number">{share(each.precision)}</td>
              <td class="number">{share(each.recall)}</td>
              <td class="number">{number(each.f1)}</td>
              <td class="number">{count(each.support)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const pairs = (xs: number[], ys: number[]): [number, number | null][] => xs.map((x, place) => [x, ys[place] ?? null]);

function Curves({ curves }: { curves: CurvesOfClass[] }) {
  const [place, choose] = useState(0);
  const curve = curves[place] ?? curves[0];
  if (!curve) return null;
  const unit = { xRange: [0, 1] as [number, number], yRange: [0, 1] as [number, number] };
  const diagonal = (name: string) => ({ name, dashed: true, points: [[0, 0], [1, 1]] as [number, number][] });
  const { roc, precision_recall, calibration } = curve;
  return (
    <>
      {curves.length > 1 ? (
        <Field label="Curves of the class">
          {given => (
            <select {...given} value={place} onChange={event => choose(Number(event.currentTarget.value))}>
              {curves.map((each, index) => <option key={index} value={index}>{String(each.class)}</option>)}
            </select>
          )}
        </Field>
      ) : (
        <p class="soft">Curves of the class “{String(curve.class)}”, told apart from the others.</p>
      )}
      <div class="charts">
        <Line title="ROC: what it finds, and what that costs" x="false alarms" y="found" {...unit}
          series={[{ name: "this version", points: pairs(roc.fpr, roc.tpr) }, diagonal("chance")]} />
        <Line title="Precision and recall" x="recall" y="precision" {...unit}
          series={[{ name: "this version", points: pairs(precision_recall.recall, precision_recall.precision) }]} />
        {calibration && (
          <Line title="Calibration: may its probabilities be believed" x="probability that it says" y="share that it was" {...unit}
            series={[{ name: "this version", points: pairs(calibration.prob_pred, calibration.prob_true) }, diagonal("perfect")]} />
        )}
      </div>
    </>
  );
}

function Importance({ of }: { of: NonNullable<Version["importance"]> }) {
  const clusters = of.metric === "cluster_changed";
  const more = (of.columns_omitted ?? 0) + Math.max(0, of.columns.length - MOST_BARS);
  return (
    <section aria-labelledby="matters">
      <h2 id="matters">Which columns matter</h2>
      <p class="soft">
        {clusters ? "The share of rows that get into another cluster" : "How much less accurate it is"} when the values of one column are
        swapped among {count(of.rows)} held-out rows. Near 0, it does without the column.
      </p>
      <Bars title="Importance" of="Column" figure={clusters ? "Rows that change" : "Accuracy lost"} write={value => share(value)}
        bars={of.columns.slice(0, MOST_BARS).map(each => ({ name: each.column, value: each.mean, note: `± ${share(each.std)}` }))} />
      {more > 0 && <p class="soft">{count(more)} more columns matter less.</p>}
    </section>
  );
}

const place = (each: Placed): string =>
  each.column + (each.category !== undefined ? ` is “${each.category}”` : each.missing ? " is missing" : "");

/** Whether it is of how many rows have a word, or no value. */
const isShare = (each: Placed): boolean => each.category !== undefined || each.missing === true;

function Learnt({ path }: { path: string }) {
  const found = useLive<Parameters>(`${path}/parameters`);
  return <Shown of={found}>{parameters => <Parts of={parameters} />}</Shown>;
}

function Linear({ decisions }: { decisions: Extract<Parameters, { kind: "linear" }>["decisions"] }) {
  const [chosen, choose] = useState(0);
  const decision = decisions[chosen];
  if (!decision) return null;
  const sorted = [...decision.coefficients].sort((one, other) => Math.abs(other.coefficient) - Math.abs(one.coefficient));
  const sides = (each: typeof decision) => `For ${each.class}, against ${each.against ?? "all others"}`;
  return (
    <>
      <p class="soft">
        What one unit more of a column adds to the score: of a date one day, of a word that the row has it. A column of small numbers, such
        as a share, has a large coefficient for that alone.
      </p>
      {decisions.length > 1 && (
        <Field label="Which decision">
          {given => (
            <select {...given} value={chosen} onChange={event => choose(Number(event.currentTarget.value))}>
              {decisions.map((each, index) => <option key={index} value={index}>{sides(each)}</option>)}
            </select>
          )}
        </Field>
      )}
      <Bars title={sides(decision)} of="Column" figure="Coefficient"
        bars={sorted.slice(0, 2 * MOST_BARS).map(part => ({ name: place(part), value: part.coefficient }))} />
      <p class="soft">
        Intercept {number(decision.intercept)}.{sorted.length > 2 * MOST_BARS && ` ${count(sorted.length - 2 * MOST_BARS)} smaller ones are not shown.`}
      </p>
    </>
  );
}

function Parts({ of }: { of: Parameters }) {
  if (of.kind === "linear") return <Linear decisions={of.decisions} />;
  if (of.kind === "kernel")
    return (
      <>
        <p>Its decision is a sum over rows that it kept, and cannot be told column by column. “Try it” explains single rows.</p>
        <Facts facts={[
          ["Kernel", of.kernel], ["gamma", of.gamma === null ? null : number(of.gamma)], ["coef0", of.coef0 === null ? null : number(of.coef0)], ["degree", of.degree],
          ...of.support_vectors.map((each): Fact => [`Rows kept of ${each.class}`, count(each.count)]),
        ]} />
      </>
    );
  const first = of.clusters[0];
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="The middle of each cluster">
      <table>
        <caption>The middle of each cluster</caption>
        <thead>
          <tr><th scope="col">Column</th>{of.clusters.map(each => <th key={each.cluster} scope="col" class="number">Cluster {each.cluster}</th>)}</tr>
        </thead>
        <tbody>
          <tr><th scope="row">rows trained on</th>{of.clusters.map(each => <td key={each.cluster} class="number">{each.size === null ? "–" : count(each.size)}</td>)}</tr>
          {first?.values.slice(0, 200).map((value, index) => (
            <tr key={place(value)}>
              <th scope="row">{place(value)}</th>
              {of.clusters.map(each => {
                const cell = each.values[index]?.value;
                const written = typeof cell !== "number" ? cell?.slice(0, 10) : isShare(value) ? share(Math.max(0, cell)) : number(cell);
                return <td key={each.cluster} class="number">{written}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const splitOf = (version: Version): string | null => {
  const { split, test_fraction } = version.lineage;
  if (!test_fraction) return null;
  const by: Record<string, string> = {
    time: `the latest by ${split?.column}`,
    group: `whole groups of ${split?.column}`,
    hash: `the same ones in each run, by a hash of ${split?.column ?? "their values"}`,
  };
  const how = by[split?.by ?? ""] ?? "drawn at random";
  return `${share(test_fraction)} of the rows, ${how}`;
};

const privacyOf = ({ privacy }: Version): string | undefined =>
  privacy && `epsilon ${number(privacy.epsilon)}, delta ${privacy.delta}: whether any one row was trained on cannot be told from it, but for what these allow`;

function Origin({ version }: { version: Version }) {
  const { lineage, registered } = version;
  const more = version.features.length - MOST_BARS;
  const { privacy } = version;
  const about = (rows: number) => (privacy ? `about ${count(rows)}` : count(rows));
  const libraries = Object.entries(lineage.library_versions ?? {}).map(([name, each]) => `${name} ${each}`).join(", ");
  return (
    <Facts facts={[
      ["From", source(version)],
      ["Told of its origin", registered?.origin && Object.keys(registered.origin).length ? written(registered.origin) : null],
      ["Column it foretells", lineage.data?.target],
      ["Columns it sees", version.features.slice(0, MOST_BARS).join(", ") + (more > 0 ? ` and ${count(more)} more` : "")],
      ["Privacy", privacyOf(version)],
      ["Rows trained on", version.rows === null ? null : about(version.rows)],
      ["Rows held out", version.test_rows ? `${about(version.test_rows)} (${splitOf(version)})` : null],
      ["Seed", lineage.seed],
      ["Size of the data", lineage.data?.size ? size(lineage.data.size) : null],
      ["SHA-256 of the data", lineage.data?.sha256 && <code>{lineage.data.sha256}</code>],
      ["Libraries", libraries],
      ["Job", may("train") ? <a href={to("jobs", lineage.job)}>{lineage.job}</a> : lineage.job],
      ["SHA-256 of the artifact", <code>{version.sha256}</code>],
    ]} />
  );
}

function Downloads({ version, path }: { version: Version; path: string }) {
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const load = (load: () => Promise<void>) => async () => {
    fail(null);
    setBusy(true);
    await load().catch(fail);
    setBusy(false);
  };
  const artifact = load(async () => {
    const signed = await get<{ url: string }>(`${path}/artifact`);
    save(signed.url, `${version.name}-${version.version}.safetensors`);
  });
  const give = (content: Blob, ending: string) => {
    const url = URL.createObjectURL(content);
    save(url, `${version.name}-${version.version}${ending}`);
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  const onnx = load(async () => give(await file(`${path}/onnx`), ".onnx"));
  const parameters = load(async () => {
    const learnt = JSON.stringify(await get<Parameters>(`${path}/parameters`), null, 1);
    give(new Blob([learnt], { type: "application/json" }), "-parameters.json");
  });
  return (
    <>
      <p class="row">
        <button type="button" class="second" disabled={busy} onClick={() => void artifact()}>The artifact ({size(version.size)})</button>
        <button type="button" class="second" disabled={busy} onClick={() => void onnx()}>As ONNX</button>
        {may("inspect") && !version.input && !version.graph && (
          <button type="button" class="second" disabled={busy} onClick={() => void parameters()}>Its parameters as JSON</button>
        )}
      </p>
      {version.contains_training_rows && <p class="warn">It holds rows that it was trained on: whoever has the file has them.</p>}
      {failure !== null && <Failure error={failure} />}
    </>
  );
}

function save(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = reachable(url);
  link.download = name;
  link.click();
}

const KINDS = { image: "pictures", sequence: "sequences of numbers", text: "texts" };

/** The version's own facts on one page, for who decides whether to use it. */
function Card({ version }: { version: Version }) {
  // A job is forgotten sooner than its version: then nobody knows who sent it.
  const job = useLive<Job>(may("train") ? at`/v1/jobs/${version.lineage.job}` : null).value;
  const best = headline(version.metrics);
  const tested = version.metrics?.test !== undefined;
  const baseline = figures(version.metrics?.test ?? version.metrics?.training).find(([name]) => name === "baseline")?.[1];
  const weak = (version.metrics?.test?.per_class ?? []).filter(each => each.recall < 0.5).map(each => String(each.class));
  const names = (labels: Label[]) => labels.slice(0, 12).map(String).join(", ") + (labels.length > 12 ? " …" : "");
  const limits = [
    ...version.warnings.map(sentence),
    ...(version.registered ? [] : tested ? [] : ["No rows were held out: the figures are those of the rows it was trained on, and flatter it."]),
    ...((version.test_rows ?? 0) > 0 && (version.test_rows ?? 0) < 100 ? [`Only ${count(version.test_rows ?? 0)} rows were held out: the figures are rough.`] : []),
    ...(weak.length ? [`It finds fewer than half of the rows of: ${weak.slice(0, 12).join(", ")}.`] : []),
    ...(version.contains_training_rows ? ["The artifact holds rows that it was trained on."] : []),
  ];
  return (
    <section class="model-card" aria-labelledby="card">
      <header class="page">
        <h2 id="card">Model card</h2>
        <button type="button" class="second" onClick={() => print()}>Print</button>
      </header>
      <Facts facts={[
        ["What", `${version.name}, version ${version.version}: ${version.task} by ${method(version.algorithm)}`],
        ["For", version.description],
        ["It takes", version.graph?.form === "tensors" ? `tensors: ${names(version.features)}` : version.input ? KINDS[version.input.kind] + (version.input.shape ? ` of ${version.input.shape.join(" × ")}` : "") : `rows of ${count(version.features.length)} columns: ${names(version.features)}`],
        ["It says", saidBy(version, names)],
        ["Trained on", `${source(version)}${version.rows === null ? "" : `, ${version.privacy ? "about " : ""}${count(version.rows)} rows`}${splitOf(version) ? `; held out: ${splitOf(version)}` : ""}`],
        ["Privacy", privacyOf(version)],
        ["How good", best && `${metric(best[0])} ${valued(...best)} on ${tested ? `${count(version.test_rows ?? 0)} held-out rows` : "the rows trained on"}${baseline === undefined ? "" : `; always the most frequent class: ${valued("baseline", baseline)}`}`],
        ["Limits", limits.length ? <ul>{limits.map(each => <li key={each}>{each}</li>)}</ul> : "None are known to the service. It has not judged whether the data were fair or right."],
        ["When and who", `${moment(version.created)}, ${version.registered ? `registered${version.registered.by ? ` by ${version.registered.by}` : ""}` : `by job ${version.lineage.job}`}${job?.submitter ? `, sent with the key ${job.submitter}` : ""}`],
        ["SHA-256", <code>{version.sha256}</code>],
      ]} />
    </section>
  );
}

