// One dataset: what its columns were taken for, overruled where that is wrong, and a model trained from it.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Dataset as DatasetAnswer, DescribedColumn, Description, Erasure, Job, ReadOptions } from "../answers.ts";
import { Bars } from "../charts/bars.tsx";
import { ColumnRow, OUT } from "../parts/column.tsx";
import { Confirmed } from "../parts/dialog.tsx";
import { against, elsewhere, member } from "../parts/faults.ts";
import { Field } from "../parts/field.tsx";
import { count, many, size } from "../parts/format.ts";
import { LABELS, labelled, namesOption } from "../parts/labels.ts";
import { matching } from "../parts/names.ts";
import { Reading } from "../parts/reading.tsx";
import { Failure, Loading, sentence } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { Upload } from "../parts/upload.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at, Refused } from "../service.ts";
import { caller, may } from "../session.ts";
import { Budget } from "./budget.tsx";
import { erase, MadeFrom, Report, useMade } from "./made-from.tsx";
import { Train } from "./train.tsx";
import { optionsOf } from "./train/request.ts";

const PAUSE = 1_000;
const COLUMNS = 100;

// What was said of each dataset in this tab: who comes back from a job that failed goes on from there.
const kept = new Map<string, ReadOptions>();

/** `job` is one whose choices are gone on from. */
export function Dataset({ name, job }: { name: string; job: string | null }) {
  const from = useLive<Job>(job === null ? null : at`/v1/jobs/${job}`);
  // A job that is forgotten, or that is another key's, is none to go on from.
  if (job !== null && !from.value && !from.error) return <Loading />;
  return <One name={name} from={from.value} />;
}

function One({ name, from }: { name: string; from: Job | undefined }) {
  const whose = `${caller.value?.key ?? ""} ${name}`;
  const [options, setOptions] = useState<ReadOptions>(from ? optionsOf(from) : (kept.get(whose) ?? {}));
  const say = (chosen: ReadOptions) => {
    kept.set(whose, chosen);
    setOptions(chosen);
  };
  const [round, setRound] = useState(0);
  const { answer, failure, busy, shown, guesses } = useDescribed(name, options, round);
  const again = () => setRound(before => before + 1);
  // It has a privacy budget: what was seen of it before is not shown any more.
  const closed = failure instanceof Refused && failure.code === "budget";
  const [withVersions, takeVersions] = useState(false);
  const [erased, tell] = useState<Erasure | null>(null);
  const { value: made } = useMade(name);
  const remove = async () => {
    if (withVersions) return tell(await erase(name));
    await ask("DELETE", at`/v1/datasets/${name}`);
    location.hash = to("datasets");
  };
  const training = useRef<HTMLDivElement>(null);
  const goTrain = () => {
    training.current?.scrollIntoView({ block: "start" });
    training.current?.focus({ preventScroll: true });
  };
  if (erased) return <Report report={erased} />;
  return (
    <>
      <p class="soft">
        <a href={to("datasets")}>All datasets</a>
      </p>
      <header class="page">
        <h1>{name}</h1>
        <span class="row">
          {shown && !shown.error && !closed && <button type="button" onClick={goTrain}>Train a model</button>}
          {(answer || closed || (made && made.versions.length > 0)) && may("admin") && (
            <Confirmed label="Delete" title={`Delete ${name}?`} confirm="Delete it" act={remove}>
              <p>
                {withVersions
                  ? "It goes with every version that was made from it, of all models and for good. Jobs that read it are cancelled."
                  : "All its uploads go. Models that were trained from it stay."}
              </p>
              <label class="row">
                <input type="checkbox" checked={withVersions} onChange={event => takeVersions(event.currentTarget.checked)} />
                With every version made from it
              </label>
            </Confirmed>
          )}
        </span>
      </header>
      {answer && !closed && (
        <p class="soft">
          {shown && facts(shown)} {size(answer.size)} · uploaded <Time at={answer.uploaded} />
        </p>
      )}
      <p class="soft" role="status">{busy && <><span class="spinner" aria-hidden="true" /> The file is being read …</>}</p>
      {failure !== null && !closed && <Failure error={failure} again={again} />}
      {failure === null && !answer && !busy && <Loading />}
      {failure !== null && (closed || !answer) && <MadeFrom name={name} />}
      {closed && (
        <details>
          <summary>Upload a newer file</summary>
          <Upload name={name} done={again} />
        </details>
      )}
      {answer && !closed && (
        <>
          <Refusals answer={answer} {...(shown ? { shown } : {})} say={say} />
          {answer.state === "unreadable" && (
            <Reading options={options} say={say} read={{}} faults={answer.faults} open={namesOption(answer.error ?? "")} />
          )}
          {shown?.columns && (
            <Columns description={shown} columns={shown.columns} options={options} say={say} guesses={guesses}
              faults={faultsOf(answer, failure)} />
          )}
          {shown?.kind && <Others description={shown} />}
          <MadeFrom name={name} />
          <details open={answer.state === "unreadable"}>
            <summary>Upload a newer file</summary>
            <Upload name={name} done={again} />
          </details>
          {shown && !shown.error && answer.state !== "unreadable" && (
            <div ref={training} tabIndex={-1} class="train">
              <Train dataset={answer} description={shown} options={options} from={from} ready={answer.state === "described" && !busy} />
            </div>
          )}
        </>
      )}
      {(answer || closed) && <Budget name={name} changed={again} />}
    </>
  );
}

/** The newest upload as it is read with what was said; what was last readable stays meanwhile. */
function useDescribed(name: string, options: ReadOptions, round: number) {
  const [answer, setAnswer] = useState<DatasetAnswer | null>(null);
  const [shown, show] = useState<Description | null>(null);
  const [guesses, guess] = useState<Record<string, string>>({});
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(true);
  const said = JSON.stringify(options);
  useEffect(() => {
    const leaving = new AbortController();
    let timer = 0;
    setBusy(true);
    fail(null);
    const look = async () => {
      const asked = { headers: { prefer: "wait=10" }, signal: leaving.signal };
      try {
        const { value } =
          said === "{}"
            ? await ask<DatasetAnswer>("GET", at`/v1/datasets/${name}`, asked)
            : await ask<DatasetAnswer>("POST", at`/v1/datasets/${name}:describe`, { ...asked, body: said });
        if (leaving.signal.aborted) return;
        setAnswer(value);
        if (value.state === "describing") {
          timer = window.setTimeout(() => void look(), PAUSE);
          return;
        }
        if (value.description) show(value.description);
        if (value.state === "unreadable") show(null);
        if (said === "{}") guess(Object.fromEntries((value.description?.columns ?? []).map(column => [column.name, column.type])));
        setBusy(false);
      } catch (error) {
        if (leaving.signal.aborted) return;
        fail(error);
        setBusy(false);
      }
    };
    void look();
    return () => {
      leaving.abort();
      window.clearTimeout(timer);
    };
  }, [name, said, round]);
  return { answer, failure, busy, shown, guesses };
}

const faultsOf = (answer: DatasetAnswer, failure: unknown) =>
  failure instanceof Refused ? failure.faults : answer.state === "options_refused" ? answer.faults : [];

function facts(description: Description): string {
  const { rows, pictures, sequences, columns } = description;
  const told = [
    rows !== undefined && (description.complete ? many(rows, "row") : `the first ${many(rows, "row")} were looked at`),
    columns && many(columns.length, "column"),
    pictures !== undefined && many(pictures, "picture"),
    sequences !== undefined && many(sequences, "sequence"),
    description.format,
    rows === undefined && !description.complete && "looked at in part",
  ];
  return told.filter(Boolean).join(" · ") + " ·";
}

/** Why the file, or what was said of it, does not go: what is of no column. */
function Refusals({ answer, shown, say }: { answer: DatasetAnswer; shown?: Description; say: (options: ReadOptions) => void }) {
  if (answer.state === "unreadable")
    return (
      <div class="notice" role="alert">
        <h2 class="bad">The file cannot be read</h2>
        <p>{sentence(labelled(answer.error ?? ""))}</p>
      </div>
    );
  // What is at fault in a column is said at it, where there are columns to see.
  const left = (answer.options.exclude ?? []).map((_, place) => `$.exclude[${place}]`);
  const columns = shown?.columns ? [...shown.columns.map(column => member("$.types", column.name)), ...left] : [];
  const faults = answer.state === "options_refused" ? elsewhere(answer.faults, columns) : [];
  if (answer.state !== "options_refused" && !shown?.error) return null;
  return (
    <div class="notice" role="alert">
      {shown?.error && <p class="bad">{sentence(labelled(shown.error))}</p>}
      {answer.state === "options_refused" && (
        <>
          <p class="bad">The table is not as you say.{shown && " What is below is how it was read before."}</p>
          {faults.length > 0 && (
            <ul>
              {faults.map(fault => <li key={fault.path}>{sentence(labelled(fault.message))} <code class="soft">{fault.path}</code></li>)}
            </ul>
          )}
          <p><button type="button" class="second" onClick={() => say({})}>Back to the guesses</button></p>
        </>
      )}
    </div>
  );
}

/** A column may be called `constructor`. */
const own = (record: Record<string, string>, name: string): string => (Object.hasOwn(record, name) ? (record[name] ?? "") : "");

function Columns({ description, columns, options, say, faults, guesses }: {
  description: Description;
  columns: DescribedColumn[];
  options: ReadOptions;
  say: (options: ReadOptions) => void;
  faults: DatasetAnswer["faults"];
  guesses: Record<string, string>;
}) {
  const [most, setMost] = useState(COLUMNS);
  const [sought, seek] = useState("");
  const { types = {}, exclude = [] } = options;
  // What is left out is described no more, and stays where it was, to be taken back.
  const described = new Map(columns.map(column => [column.name, column]));
  const before = Object.keys(guesses).filter(name => described.has(name) || Object.hasOwn(types, name) || exclude.includes(name));
  const names = [...new Set([...before, ...described.keys(), ...Object.keys(types), ...exclude])];
  const overrule = (name: string, type: string) => {
    const { [name]: _, ...others } = types;
    const chosen = type && type !== OUT ? { ...others, [name]: type } : others;
    const left = [...exclude.filter(each => each !== name), ...(type === OUT ? [name] : [])];
    const { types: __, exclude: ___, ...rest } = options;
    say({ ...rest, ...(Object.keys(chosen).length && { types: chosen }), ...(left.length && { exclude: left }) });
  };
  const said = (name: string) => (exclude.includes(name) ? OUT : own(types, name));
  const wrong = (name: string) =>
    [member("$.types", name), ...(exclude.includes(name) ? [`$.exclude[${exclude.indexOf(name)}]`] : [])].flatMap(place => against(faults, place));
  // What is at fault is shown, however far behind it stands.
  const found = [...new Set([...names.filter(name => names.length > COLUMNS && wrong(name).length > 0), ...matching(names, sought)])];
  const all = found.map(name => described.get(name) ?? { name, type: "ignore", missing: 0 });
  const noted = (name: string) => {
    const begin = `column '${name}'`;
    const own = description.warnings.filter(warning => warning.startsWith(begin));
    return own.map(warning => warning.slice(begin.length).replace(/^:? /, ""));
  };
  const general = description.warnings.filter(warning => !columns.some(column => warning.startsWith(`column '${column.name}'`)));
  return (
    <section class="block" aria-labelledby="columns">
      <h2 id="columns">Columns</h2>
      {general.length > 0 && <ul class="warn">{general.map(warning => <li key={warning}>{sentence(labelled(warning))}</li>)}</ul>}
      <Reading options={options} say={say} read={description.read ?? {}} faults={faults} />
      {names.length > COLUMNS && (
        <Field label="Find a column" hint={all.length ? `${count(names.length)} columns.` : "No column is called so."}>
          {given => (
            <input {...given} type="search" autocomplete="off" spellcheck={false} value={sought}
              onInput={event => seek(event.currentTarget.value)} />
          )}
        </Field>
      )}
      <table class="columns" role="table">
        <thead role="rowgroup">
          <tr role="row">
            {["Column", LABELS.types, "Missing", "Values"].map(title => (
              <th key={title} scope="col" role="columnheader">{title}</th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {all.slice(0, most).map(column => (
            <ColumnRow key={column.name} column={column} rows={description.rows ?? 0} said={said(column.name)}
              guess={said(column.name) ? own(guesses, column.name) : column.type} dayfirst={options.dayfirst}
              notes={noted(column.name)} faults={wrong(column.name)} overrule={type => overrule(column.name, type)}
              sayDayFirst={dayfirst => say({ ...options, dayfirst })} />
          ))}
        </tbody>
      </table>
      {all.length > most && (
        <button type="button" class="second" onClick={() => setMost(most + COLUMNS)}>Show more of {count(all.length)} columns</button>
      )}
    </section>
  );
}

/** A file of pictures or of sequences. */
function Others({ description }: { description: Description }) {
  const { kind, classes, shape, sizes, steps, channels, held_out, unreadable } = description;
  const facts = [
    shape && `Trained as ${shape.slice(0, 2).join(" × ")} pixels of ${many(shape[2] ?? 1, "channel")}.`,
    sizes && sizes.length > 1 && `${many(sizes.length, "size")}, most often ${sizes[0]?.height} × ${sizes[0]?.width}.`,
    steps !== undefined && `${many(steps, "step")} of ${many(channels ?? 1, "channel")}.`,
    held_out ? `${count(held_out)} are held out by the file's own split.` : "",
    unreadable?.files ? `${many(unreadable.files, "file")} cannot be read.` : "",
  ];
  const of = kind === "pictures" ? "pictures" : "sequences";
  return (
    <section class="block">
      <h2>{kind === "pictures" ? "Pictures" : "Sequences"}</h2>
      <p>{facts.filter(Boolean).join(" ")}</p>
      {description.warnings.length > 0 && (
        <ul class="warn">{description.warnings.map(warning => <li key={warning}>{sentence(warning)}</li>)}</ul>
      )}
      {classes && (
        <Bars title="How many of each class" of="Class" figure={of} write={count}
          bars={classes.map(each => ({ name: String(each.value), value: Number(each[of] ?? 0) }))} />
      )}
    </section>
  );
}
