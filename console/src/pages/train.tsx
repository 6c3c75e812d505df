// A model from a dataset: what it shall tell, by which algorithm, and a job is sent.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Algorithm, Dataset, DescribedColumn, Description, Job, ReadOptions } from "../answers.ts";
import { useLive } from "../live.ts";
import { against, elsewhere, member } from "../parts/faults.ts";
import { Field } from "../parts/field.tsx";
import { share } from "../parts/format.ts";
import { NAME, NAME_HINT } from "../parts/names.ts";
import { Parameter, valueOf } from "../parts/parameter.tsx";
import { Failure, sentence, Shown } from "../parts/states.tsx";
import { to } from "../router.ts";
import { ask, at, Refused, type Fault } from "../service.ts";

interface Asked {
  dataset: Dataset;
  description: Description;
  options: ReadOptions;
  /** Whether the table is read as `options` say. */
  ready: boolean;
}

export function Train(asked: Asked) {
  const listed = useLive<{ algorithms: Algorithm[] }>("/v1/algorithms");
  return (
    <section class="block" aria-labelledby="train">
      <h2 id="train">Train a model</h2>
      <Shown of={listed}>
        {({ algorithms }) => {
          const fitting = algorithms.filter(each => each.available && kindOf(each, asked.description));
          fitting.sort((a, b) => rank(a, asked.description) - rank(b, asked.description));
          return fitting.length ? <Form {...asked} algorithms={fitting} /> : <p>No algorithm that is installed here takes such data.</p>;
        }}
      </Shown>
    </section>
  );
}

/** As what an algorithm takes the data; empty where it does not. */
function kindOf(algorithm: Algorithm, { kind, columns = [] }: Description): string {
  const takes = (each: string) => algorithm.takes.includes(each);
  if (kind) return takes(kind === "pictures" ? "image" : "sequence") ? kind : "";
  if (takes("table")) return "table";
  if (takes("text") && columns.some(mayBeText)) return "text";
  if (takes("sequence") && columns.filter(column => column.type === "number" || column.type === "integer").length > 1) return "steps";
  if (takes("image") && columns.filter(column => column.type === "number" || column.type === "integer").length >= FEWEST_PIXELS) return "pixels";
  return "";
}

const FEWEST_PIXELS = 49;
const rank = (algorithm: Algorithm, description: Description): number =>
  ["table", "pictures", "sequences"].includes(kindOf(algorithm, description)) ? (algorithm.task === "classification" ? 0 : 1) : 2;

const mayBeText = (column: DescribedColumn): boolean =>
  column.type === "text" || (column.type === "category" && (column.distinct ?? 0) > 20);
const mayBeTarget = (column: DescribedColumn): boolean =>
  ["category", "boolean", "integer"].includes(column.type) && (column.distinct ?? 0) > 1;
const TELLING = /^(target|label|class|outcome|species|y)$/i;

/** The column that is most likely meant: one that is called so, else the last of few values. */
function likely(columns: DescribedColumn[]): string {
  const few = columns.filter(column => mayBeTarget(column) && !column.left_out && (column.distinct ?? 0) <= 30);
  return (few.find(column => TELLING.test(column.name)) ?? few.at(-1))?.name ?? "";
}

/** How rows are spread over the classes of a target, in words. */
function balance(column: DescribedColumn | undefined): string {
  const values = column?.values ?? [];
  const rows = values.reduce((sum, each) => sum + each.rows, 0);
  if (!rows) return "The column that the model shall tell.";
  const told = values.slice(0, 4).map(each => `${String(each.value)} ${share(each.rows / rows)}`);
  return told.join(", ") + (values.length > 4 ? " …" : "");
}

function Form({ dataset, description, options, ready, algorithms }: Asked & { algorithms: Algorithm[] }) {
  const columns = (description.columns ?? []).filter(column => column.type !== "ignore");
  const [model, setModel] = useState(dataset.name);
  const [name, setName] = useState(algorithms[0]?.name ?? "");
  const [target, setTarget] = useState(() => likely(columns));
  const [form, setForm] = useState("");
  const [roles, setRoles] = useState<Record<string, string>>({});
  const [written, setWritten] = useState<Record<string, string>>({});
  const [fraction, setFraction] = useState("");
  const [by, setBy] = useState("random");
  const [splitColumn, setSplitColumn] = useState("");
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const alarm = useRef<HTMLDivElement>(null);
  const algorithm = algorithms.find(each => each.name === name) ?? algorithms[0];
  useEffect(() => {
    if (failure !== null) alarm.current?.focus();
  }, [failure]);
  const forms = useMemo(() => (algorithm ? formsOf(algorithm, description) : []), [algorithm, description]);
  if (!algorithm) return null;
  const kind = forms.includes(form) ? form : (forms[0] ?? "");
  const targets = columns.filter(mayBeTarget);
  const wanted = algorithm.task !== "clustering" && !description.kind;
  const chosen = targets.some(column => column.name === target) ? target : "";
  const splits = columns.filter(column => (by === "time" ? ["date", "number", "integer"] : ["category", "integer", "boolean", "date"]).includes(column.type));
  const role = (which: string): string => roles[which] ?? "";
  const data = (): Record<string, unknown> => ({
    uri: dataset.uri,
    ...options,
    ...(wanted && { target: chosen }),
    ...(kind === "text" && { text: role("text") || columns.find(column => mayBeText(column) && column.name !== chosen)?.name }),
    ...(kind === "steps" && { sequence: { id: role("id"), ...(role("order") && { order: role("order") }) } }),
    ...(role("image") && (kind === "pixels" || kind === "pictures") && { image: valueOf(role("image"), { type: "array" }) }),
  });
  const schemas = algorithm.hyperparameters.properties ?? {};
  const hyperparameters = Object.fromEntries(
    Object.entries(schemas).flatMap(([each, schema]) => (written[each]?.trim() ? [[each, valueOf(written[each] ?? "", schema)]] : [])),
  );
  const send = async () => {
    setBusy(true);
    fail(null);
    const body = JSON.stringify({
      algorithm: algorithm.name,
      hyperparameters,
      data: data(),
      ...(fraction.trim() && { test_fraction: valueOf(fraction, {}) }),
      ...(by !== "random" && { split: { by, column: splitColumn } }),
    });
    try {
      const { value } = await ask<Job>("POST", at`/v1/models/${model}:train`, { body, headers: { "idempotency-key": keyOf(model + body) } });
      last = { request: "", key: "" };
      location.hash = to("jobs", value.id);
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };
  const faults: Fault[] = failure instanceof Refused ? failure.faults : [];
  const fields = Object.keys(schemas).map(each => member("$.hyperparameters", each));
  const more = [...fields, "$.test_fraction", "$.split", "$.data.image"];
  const places = [...more, "$.data.target", "$.data.text", "$.data.sequence", "$.algorithm"];
  const pick = (label: string, which: string, from: DescribedColumn[], hint: string, required = false) => (
    <Field label={label} hint={hint} faults={against(faults, which === "text" ? "$.data.text" : `$.data.sequence.${which}`)}>
      {given => (
        <select {...given} required={required} value={role(which)} onChange={event => setRoles({ ...roles, [which]: event.currentTarget.value })}>
          <option value="">{required ? "choose a column" : "as they stand in the file"}</option>
          {from.map(column => <option key={column.name} value={column.name}>{column.name}</option>)}
        </select>
      )}
    </Field>
  );
  return (
    <form onSubmit={event => { event.preventDefault(); void send(); }}>
      <div class="fields">
        {wanted && (
          <Field label="What to predict" hint={balance(targets.find(column => column.name === chosen))} faults={against(faults, "$.data.target")}>
            {given => (
              <select {...given} required value={chosen} onChange={event => setTarget(event.currentTarget.value)}>
                <option value="">choose a column</option>
                {targets.map(column => <option key={column.name} value={column.name}>{column.name}</option>)}
              </select>
            )}
          </Field>
        )}
        <Field label="Algorithm" hint={sentence(algorithm.task)} faults={against(faults, "$.algorithm")}>
          {given => (
            <select {...given} value={algorithm.name} onChange={event => { setName(event.currentTarget.value); setWritten({}); fail(null); }}>
              {algorithms.map(each => <option key={each.name} value={each.name}>{each.title}</option>)}
            </select>
          )}
        </Field>
        <Field label="Name of the model" hint="A model of this name gets a new version.">
          {given => (
            <input {...given} required pattern={NAME} title={NAME_HINT} value={model} autocomplete="off" spellcheck={false}
              onInput={event => setModel(event.currentTarget.value)} />
          )}
        </Field>
        {forms.length > 1 && (
          <Field label="What it learns from">
            {given => (
              <select {...given} value={kind} onChange={event => setForm(event.currentTarget.value)}>
                {forms.map(each => <option key={each} value={each}>{FORMS[each]}</option>)}
              </select>
            )}
          </Field>
        )}
        {kind === "text" && pick("Column of texts", "text", columns.filter(column => mayBeText(column) && column.name !== chosen), "Each row is a text.", true)}
        {kind === "steps" && pick("Column that names the sequence", "id", columns, "Rows of one value are the steps of one sequence.", true)}
        {kind === "steps" && pick("Steps are in the order of", "order", columns.filter(column => ["number", "integer", "date"].includes(column.type)), "")}
        {kind === "pixels" && <Shape written={role("image")} write={image => setRoles({ ...roles, image })} faults={against(faults, "$.data.image")} required />}
      </div>
      <details key={algorithm.name} open={more.some(place => against(faults, place).length > 0)}>
        <summary>More</summary>
        <div class="fields">
          <Field label="Share of rows held out to test" hint="From 0 to 0.9." faults={against(faults, "$.test_fraction")}>
            {given => <input {...given} inputMode="decimal" placeholder="0.2" value={fraction} onInput={event => setFraction(event.currentTarget.value)} />}
          </Field>
          {!description.kind && (
            <Field label="Which rows are held out" hint={SPLITS[by]} faults={by === "random" ? against(faults, "$.split") : []}>
              {given => (
                <select {...given} value={by} onChange={event => { setBy(event.currentTarget.value); setSplitColumn(""); }}>
                  <option value="random">at random</option>
                  <option value="time">the latest</option>
                  <option value="group">whole groups</option>
                </select>
              )}
            </Field>
          )}
          {by !== "random" && (
            <Field label={by === "time" ? "By the time in" : "By the groups in"} faults={against(faults, "$.split")}>
              {given => (
                <select {...given} required value={splitColumn} onChange={event => setSplitColumn(event.currentTarget.value)}>
                  <option value="">choose a column</option>
                  {splits.map(column => <option key={column.name} value={column.name}>{column.name}</option>)}
                </select>
              )}
            </Field>
          )}
          {kind === "pictures" && <Shape written={role("image")} write={image => setRoles({ ...roles, image })} faults={against(faults, "$.data.image")} required={!description.shape} />}
          {Object.entries(schemas).map(([each, schema]) => (
            <Parameter key={each} name={each} schema={schema} written={written[each] ?? ""} write={text => setWritten({ ...written, [each]: text })}
              faults={against(faults, member("$.hyperparameters", each))} />
          ))}
        </div>
      </details>
      <div ref={alarm} tabIndex={-1}>{failure !== null && <Said failure={failure} rest={elsewhere(faults, places)} />}</div>
      <p class="row">
        <button type="submit" disabled={busy || !ready}>{busy ? "Sending …" : "Train"}</button>
        {!ready && <span class="soft">First the table has to be as you say.</span>}
      </p>
    </form>
  );
}

const FORMS: Record<string, string> = { text: "a column of texts", steps: "sequences, a row for each step" };
const SPLITS: Record<string, string> = {
  random: "Each class in its share.",
  time: "The model is tested on what came last.",
  group: "Rows of one group stay together.",
};

/** What an algorithm may take a dataset for: of a table several things. */
function formsOf(algorithm: Algorithm, description: Description): string[] {
  const kind = kindOf(algorithm, description);
  const both = kind === "text" && algorithm.takes.includes("sequence");
  return both ? ["text", "steps"] : [kind];
}

function Shape({ written, write, faults, required }: { written: string; write: (text: string) => void; faults: string[]; required: boolean }) {
  return (
    <Field label="Height, width and channels" hint="Such as 28, 28, 1." faults={faults}>
      {given => <input {...given} required={required} pattern="\d+ *, *\d+ *, *\d+" value={written} onInput={event => write(event.currentTarget.value)} />}
    </Field>
  );
}

/** What was refused, where no field says it. */
function Said({ failure, rest }: { failure: unknown; rest: Fault[] }) {
  if (!(failure instanceof Refused) || !failure.faults.length) return <Failure error={failure} />;
  return (
    <div class="notice" role="alert">
      <p class="bad">This cannot be trained as it is.{rest.length < failure.faults.length && " What is to be changed is said at its field."}</p>
      {rest.length > 0 && <ul>{rest.map(fault => <li key={fault.path}><code>{fault.path}</code> {sentence(fault.message)}</li>)}</ul>}
    </div>
  );
}

// The same request that is sent again, as after no answer came, is the same job.
let last = { request: "", key: "" };
function keyOf(request: string): string {
  if (last.request !== request) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    last = { request, key: [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("") };
  }
  return last.key;
}
