// A model from a dataset: what it shall tell, by which algorithm, and a job is sent.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Algorithm, Dataset, Description, Job, ParameterSchema, ReadOptions } from "../answers.ts";
import { useLive } from "../live.ts";
import { against, elsewhere, member } from "../parts/faults.ts";
import { Field } from "../parts/field.tsx";
import { NAME, NAME_HINT } from "../parts/names.ts";
import { Parameter } from "../parts/parameter.tsx";
import { Failure, sentence, Shown } from "../parts/states.tsx";
import { to } from "../router.ts";
import { ask, at, Refused, type Fault } from "../service.ts";
import { caller } from "../session.ts";
import { HeldOut, LearnsFrom, Pick, Shape } from "./train/fields.tsx";
import { Privately } from "./train/privacy.tsx";
import {
  balance, choiceOf, fitting, isFirst, isText, kindsOf, likely, mayBeTarget, mayBeText, requestOf, shapeOf, wantsTarget, type Choice,
} from "./train/request.ts";

interface Asked {
  dataset: Dataset;
  description: Description;
  options: ReadOptions;
  /** Whether the table is read as `options` say. */
  ready: boolean;
  /** The job whose choices the form begins with, where there is one. */
  from?: Job | undefined;
}

export function Train(asked: Asked) {
  const listed = useLive<{ algorithms: Algorithm[] }>("/v1/algorithms");
  return (
    <section class="block" aria-labelledby="train">
      <h2 id="train">Train a model</h2>
      <Shown of={listed}>
        {({ algorithms }) => {
          const those = fitting(algorithms, asked.description);
          return those.length ? <Form {...asked} algorithms={those} /> : <p>No algorithm that is installed here takes such data.</p>;
        }}
      </Shown>
    </section>
  );
}

const NOTHING_CHOSEN: Choice = {
  model: "", algorithm: "", target: "", kind: "", text: "", id: "", order: "", image: "",
  hyperparameters: {}, fraction: "", by: "random", splitColumn: "",
  epsilon: "", delta: "", bounds: {}, words: {}, classes: "",
};

// What was chosen for each dataset in this tab: who comes back to it goes on from there.
const kept = new Map<string, Choice>();

function Form({ dataset, description, options, ready, from, algorithms }: Asked & { algorithms: Algorithm[] }) {
  const columns = (description.columns ?? []).filter(column => column.type !== "ignore");
  const whose = `${caller.value?.key ?? ""} ${dataset.name}`;
  const [chosen, setChosen] = useState<Choice>(() => ({
    ...NOTHING_CHOSEN, model: dataset.name, target: likely(columns), image: shapeOf(columns, likely(columns)),
    ...(from ? choiceOf(from, algorithms) : kept.get(whose)),
  }));
  kept.set(whose, chosen);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    // Whoever comes from a job comes to choose anew.
    const part = from && form.current?.closest<HTMLElement>(".train");
    part?.scrollIntoView({ block: "start" });
    part?.focus({ preventScroll: true });
  }, []);
  // What somebody chose there is in sight, when they come back to it.
  const [unfolded] = useState(() => chosen.by !== "random" || Object.keys(chosen.hyperparameters).length > 0);
  const choose = (changed: Partial<Choice>) => setChosen(before => ({ ...before, ...changed }));
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const alarm = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (failure !== null) alarm.current?.focus();
  }, [failure]);
  const algorithm = algorithms.find(each => each.name === chosen.algorithm) ?? algorithms[0];
  if (!algorithm) return null;
  const kinds = kindsOf(algorithm, description);
  const texts = columns.filter(column => mayBeText(column) && column.name !== chosen.target);
  const choice: Choice = {
    ...chosen,
    kind: kinds.find(each => each === chosen.kind) ?? kinds[0] ?? "",
    text: chosen.text || ((texts.find(column => isText(column, description.rows)) ?? texts[0])?.name ?? ""),
  };
  const send = async () => {
    setBusy(true);
    fail(null);
    const body = JSON.stringify(requestOf(choice, algorithm, dataset, description, options));
    const headers = { "idempotency-key": keyOf(choice.model + body) };
    try {
      const { value } = await ask<Job>("POST", at`/v1/models/${choice.model}:train`, { body, headers });
      last = { request: "", key: "" };
      location.hash = to("jobs", value.id);
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };
  const faults: Fault[] = failure instanceof Refused ? failure.faults : [];
  const every = Object.entries(algorithm.hyperparameters.properties ?? {});
  const first = every.filter(([name]) => isFirst(algorithm, name));
  const others = every.filter(([name]) => !isFirst(algorithm, name));
  const asParameter = ([name, schema]: [string, ParameterSchema]) => (
    <Parameter key={name} name={name} schema={schema} written={choice.hyperparameters[name] ?? ""}
      write={text => choose({ hyperparameters: { ...choice.hyperparameters, [name]: text } })}
      faults={against(faults, member("$.hyperparameters", name))} />
  );
  const placesOf = (some: typeof every) => some.map(([name]) => member("$.hyperparameters", name));
  const folded = [...placesOf(others), "$.test_fraction", "$.split"];
  const data = ["target", "text", "sequence.id", "sequence.order", "image"].map(name => `$.data.${name}`);
  const said = ["bounds", "categories"].flatMap(name => columns.map(column => member(`$.privacy.${name}`, column.name)));
  const ofPrivacy = algorithm.private_hyperparameters ? [...said, ...["epsilon", "delta", "classes"].map(name => `$.privacy.${name}`)] : [];
  const places = [...folded, ...placesOf(first), ...data, ...ofPrivacy, "$.algorithm"];
  const targets = columns.filter(column => mayBeTarget(column, description.rows));
  return (
    <form ref={form} onSubmit={event => { event.preventDefault(); void send(); }}>
      <div class="fields">
        {wantsTarget(algorithm, description) && (
          <Pick label="What to predict" hint={balance(targets.find(column => column.name === choice.target))} from={targets}
            value={choice.target} pick={target => choose({ target })} faults={against(faults, "$.data.target")} />
        )}
        <Field label="Algorithm" hint={algorithm.summary || sentence(algorithm.task)} faults={against(faults, "$.algorithm")}>
          {given => (
            <select {...given} value={algorithm.name}
              onChange={event => { choose({ algorithm: event.currentTarget.value, hyperparameters: {} }); fail(null); }}>
              {algorithms.map(each => <option key={each.name} value={each.name}>{each.title}</option>)}
            </select>
          )}
        </Field>
        <Field label="Name of the model" hint="A model of this name gets a new version.">
          {given => (
            <input {...given} required pattern={NAME} title={NAME_HINT} value={choice.model} autocomplete="off" spellcheck={false}
              onInput={event => choose({ model: event.currentTarget.value })} />
          )}
        </Field>
        <LearnsFrom choice={choice} choose={choose} columns={columns} faults={faults} kinds={kinds} />
        {first.map(asParameter)}
      </div>
      <details key={algorithm.name} open={unfolded || folded.some(place => against(faults, place).length > 0)}>
        <summary>More choices</summary>
        <div class="fields">
          <HeldOut choice={choice} choose={choose} columns={columns} faults={faults} />
          {choice.kind === "pictures" && <Shape choice={choice} choose={choose} faults={faults} required={!description.shape} />}
          {others.map(asParameter)}
        </div>
      </details>
      {algorithm.private_hyperparameters && (
        <Privately choice={choice} choose={choose} columns={columns} faults={faults} supervised={wantsTarget(algorithm, description)} />
      )}
      <div ref={alarm} tabIndex={-1}>{failure !== null && <Said failure={failure} rest={elsewhere(faults, places)} />}</div>
      <p class="row">
        <button type="submit" disabled={busy || !ready}>{busy ? "Sending …" : "Train"}</button>
        {!ready && <span class="soft">First the table has to be as you say.</span>}
      </p>
    </form>
  );
}

/** What was refused, where no field says it. */
function Said({ failure, rest }: { failure: unknown; rest: Fault[] }) {
  if (!(failure instanceof Refused) || !failure.faults.length) return <Failure error={failure} />;
  return (
    <div class="notice" role="alert">
      <p class="bad">
        This cannot be trained as it is.
        {rest.length < failure.faults.length && " What is to be changed is said at its field."}
      </p>
      {rest.length > 0 && (
        <ul>{rest.map(fault => <li key={fault.path}>{sentence(fault.message)} <code class="soft">{fault.path}</code></li>)}</ul>
      )}
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
