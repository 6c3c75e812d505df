// Ask a model: a form made from what it takes, its answer, and why it says so.
import { useMemo, useState } from "preact/hooks";
import { useKept, useLive } from "../live.ts";
import { Disclosure } from "../parts/disclosure.tsx";
import { elsewhere, member } from "../parts/faults.ts";
import { Field } from "../parts/field.tsx";
import { BEGINNING, NAMED } from "../parts/names.ts";
import { useRested } from "../parts/rested.ts";
import { Empty, Failure, Loading, sentence } from "../parts/states.tsx";
import { to } from "../router.ts";
import { ask, at, BASE, Refused } from "../service.ts";
import { caller, may } from "../session.ts";
import { Answer } from "./try/answer.tsx";
import { Picture } from "./try/picture.tsx";
import { MOST_FIELDS, Row } from "./try/row.tsx";
import { Sequence } from "./try/sequence.tsx";
import { begun, FIELD, instanceOf, rowOf, startOf, stepsOf, type Columns, type Drawn } from "./try/values.ts";
import type { Explanation, ListedModels, Metadata, Predictions, Profile, RowSchema, Version } from "../answers.ts";

const MOST_PARTS = 15;
const GRAPH = "serverless-ml_onnx";
/** What `:predict` calls the outputs that the Open Inference Protocol has in scikit-learn's words. */
const OURS: Record<string, string> = { predict: "label", predict_proba: "probability", decision_function: "decision", transform: "distance" };

/** What somebody wrote as JSON; a text that is none is sent as it is, and the service says what it expected. */
function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function Try({ model, version }: { model: string; version: string | null }) {
  if (!model) return <Which />;
  return (
    <>
      <header class="page">
        <h1>
          Try {may("read") ? <a href={to("models", model)}>{model}</a> : model}
          {version && ` version ${version}`}
        </h1>
        <a href={to("try")}>Another model</a>
      </header>
      <Known model={model} version={version} />
    </>
  );
}

/** Asks for a model's name; who may list them is offered some. */
function Which() {
  const [name, type] = useState("");
  const begun = useRested(name.trim());
  const asked = new URLSearchParams({ limit: "20", ...(BEGINNING.test(begun) && { prefix: begun }) });
  const listed = useKept(useLive<ListedModels>(may("read") ? `/v1/models?${asked}` : null));
  // Whoever may not list models is told those that the key itself names.
  const names = listed.value?.models ?? (may("read") ? [] : (caller.value?.models ?? []).filter(each => NAMED.test(each)));
  const unlisted = names.length
    ? "This key may ask the models that are named here." : "This key may ask models, and not list them. Whoever gave it to you knows the name.";
  return (
    <>
      <header class="page">
        <h1>Try a model</h1>
      </header>
      <form onSubmit={event => { event.preventDefault(); location.assign(to("try", name.trim())); }}>
        <Field label="Name of the model" hint={may("read") ? undefined : unlisted}>
          {given => (
            <input {...given} required autocomplete="off" spellcheck={false} list="names" value={name} onInput={event => type(event.currentTarget.value)} />
          )}
        </Field>
        <datalist id="names">{names.map(each => <option key={each} value={each} />)}</datalist>
        <button type="submit">Open it</button>
      </form>
      {names.length > 0 && (
        <section aria-labelledby="known">
          <h2 id="known">{listed.value?.next_after ? "Some of them" : "There are"}</h2>
          <ul class="tags">{names.map(each => <li key={each}><a href={to("try", each)}>{each}</a></li>)}</ul>
        </section>
      )}
    </>
  );
}

function Known({ model, version }: { model: string; version: string | null }) {
  const path = version ? at`/v1/models/${model}/versions/${version}` : at`/v1/models/${model}`;
  const schema = useLive<RowSchema>(`${path}/schema`);
  const number = schema.value?.["x-version"];
  const told = useLive<Metadata>(number ? at`/v2/models/${model}/versions/${number}` : null);
  const seen = useLive<Profile>(number && may("inspect") ? at`/v1/models/${model}/versions/${number}/profile` : null);
  const wide = Object.keys(columnsOf(schema.value, told.value)).length > MOST_FIELDS;
  const whole = useLive<Version>(wide && number && may("read") ? at`/v1/models/${model}/versions/${number}` : null);
  const failed = schema.value ? told : schema;
  if (failed.error && !failed.value) return <Failure error={failed.error} again={failed.again} />;
  // Without the figures of training the form is the same, but for what it begins with.
  if (!schema.value || !told.value) return <Loading />;
  if ((may("inspect") && !seen.value && !seen.error) || (wide && may("read") && !whole.value && !whole.error)) return <Loading />;
  const first = (whole.value?.importance?.columns ?? []).filter(each => each.mean > 0).map(each => each.column);
  return <Form key={number} path={path} schema={schema.value} told={told.value} profile={seen.value} first={first} />;
}

/** The columns of a row; none of a model that takes something else. */
const columnsOf = (schema: RowSchema | undefined, told: Metadata | undefined): Columns =>
  (told?.parameters.input ? undefined : schema?.anyOf.find(each => each.properties)?.properties) ?? {};

interface Asked {
  /** What was sent. */
  of?: string;
  picture?: Drawn;
  said?: Predictions;
  why?: Explanation;
  whyNot?: unknown;
}

function Form({ path, schema, told, profile, first }: {
  path: string;
  schema: RowSchema;
  told: Metadata;
  profile: Profile | undefined;
  first: string[];
}) {
  const isGraph = told.platform === GRAPH;
  const input = told.parameters.input?.kind === "tensors" ? undefined : told.parameters.input;
  const isTensors = told.parameters.input?.kind === "tensors";
  const columns = useMemo(() => columnsOf(schema, told), [schema]);
  const [row, write] = useState(() => startOf(columns, profile));
  const [text, type] = useState(isTensors ? "[]" : input?.kind === "sequence" ? (told.parameters.features ?? []).map(() => "0").join(", ") : "");
  const [picture, draw] = useState(() => begun(input));
  const [asked, answer] = useState<Asked>({});
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const clear = () => {
    if (failure) fail(null);
  };
  const instance = (): unknown =>
    isTensors ? read(text) : input?.kind === "image" ? instanceOf(picture, input) : input?.kind === "text" ? text : input?.kind === "sequence" ? stepsOf(text) : rowOf(columns, row);
  const gives = told.outputs.map(each => each.name);
  const outputs = isGraph ? gives.map(each => OURS[each] ?? each) : ["label", ...(gives.includes("predict_proba") ? ["probability"] : gives.includes("transform") ? ["distance"] : [])];
  const send = async () => {
    if (busy) return;
    setBusy(true);
    fail(null);
    const body = { instances: [instance()] };
    try {
      const said = may("predict") ? (await ask<Predictions>("POST", `${path}:predict`, { body: { ...body, outputs } })).value : undefined;
      const found: Asked = { of: JSON.stringify(body.instances), ...(input?.kind === "image" && { picture }), ...(said && { said }) };
      if (may("inspect") && !isGraph) {
        // Of the version that has answered: another may answer next where a canary shares the traffic.
        const same = said && !path.includes("/versions/") ? `${path}/versions/${said.model.version}` : path;
        const top = input ? {} : { top: MOST_PARTS };
        try {
          const why = (await ask<{ explanations: Explanation[] }>("POST", `${same}:explain`, { body: { ...body, ...top } })).value.explanations[0];
          if (why) found.why = why;
        } catch (error) {
          found.whyNot = error;
        }
      }
      answer(found);
    } catch (error) {
      answer({});
      fail(error);
    }
    setBusy(false);
  };
  const faults = failure instanceof Refused ? failure.faults : [];
  const here = faults.filter(each => each.path.startsWith(FIELD));
  const shown = here.length > 0 && elsewhere(here, input || isTensors ? [FIELD] : Object.keys(columns).map(name => member(FIELD, name))).length === 0;
  return (
    <div class="try">
      <form aria-label="What to ask" noValidate onInput={clear} onSubmit={event => { event.preventDefault(); void send(); }}>
        {isTensors ? (
          <Field label="An instance, as JSON" faults={here.map(each => sentence(each.message))}
            hint={`Nested lists of numbers, or an object with ${(told.parameters.features ?? []).join(", ")}.`}>
            {given => <textarea {...given} rows={10} spellcheck={false} value={text} onInput={event => type(event.currentTarget.value)} />}
          </Field>
        ) : input?.kind === "image" ? <Picture picture={picture} draw={draw} faults={here} />
          : input?.kind === "sequence" ? <Sequence names={told.parameters.features ?? []} text={text} type={type} faults={here} />
          : input?.kind === "text" ? (
            <Field label="Text" faults={here.map(each => sentence(each.message))}
              hint={input.vocabulary ? `It knows ${input.vocabulary} ${input.tokens ?? "words"}; others say nothing to it.` : undefined}>
              {given => <textarea {...given} rows={5} placeholder="Write something here" value={text} onInput={event => type(event.currentTarget.value)} />}
            </Field>
          ) : <Row columns={columns} first={first} row={row} write={write} profile={profile} faults={here} />}
        <button type="submit" aria-disabled={busy}>{busy ? "Asking …" : may("predict") ? "Predict" : "Explain"}</button>
      </form>
      <section aria-label="Answer" aria-live="polite">
        {failure !== null ? (shown ? <p class="bad">It cannot be answered yet: see the marked fields.</p> : <Failure error={failure} />)
          : asked.said || asked.why ? (
            <>
              {asked.of !== JSON.stringify([instance()]) && (
                <p class="warn">You have changed something since: this is the answer to what stood there before.</p>
              )}
              <Answer said={asked.said} why={asked.why} whyNot={asked.whyNot} picture={asked.picture} />
              {isGraph && <p class="soft">It is an imported model. What its graph computes is not known here, so it is not explained.</p>}
            </>
          ) : <Empty title="No answer yet"><p>Fill in the form and press the button.</p></Empty>}
      </section>
      <Disclosure title="The same with curl">
        {() => <Curl url={`${location.origin}${BASE}${path}:${may("predict") ? "predict" : "explain"}`} body={may("predict") ? { instances: [instance()], outputs } : { instances: [instance()] }} />}
      </Disclosure>
    </div>
  );
}

function Curl({ url, body }: { url: string; body: unknown }) {
  const [copied, copy] = useState(false);
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const key = caller.value?.key === null ? "" : ' -H "Authorization: Bearer $KEY"';
  const line = `curl -s ${quoted(url)}${key} -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`;
  return (
    <>
      <pre class="curl" tabIndex={0}><code>{line}</code></pre>
      <p class="row">
        <button type="button" class="second" onClick={() => void navigator.clipboard?.writeText(line).then(() => copy(true))}>Copy</button>
        <span role="status">{copied && "Copied."}</span>
      </p>
    </>
  );
}
