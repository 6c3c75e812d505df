// Which version answers: names that point at one, or at two that share what comes.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Confirmed } from "../parts/dialog.tsx";
import { Disclosure } from "../parts/disclosure.tsx";
import { Field } from "../parts/field.tsx";
import { count } from "../parts/format.ts";
import { useRefocus } from "../parts/refocus.ts";
import { Empty, Failure, sentence, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { VersionChoice } from "../parts/version-choice.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at, Refused } from "../service.ts";
import { may } from "../session.ts";
import type { Alias, AliasState, Change, Model } from "../answers.ts";

const USUAL = "production";

/** Versions to choose from, the newest first; where they are not `all`, any is chosen by its number. */
export interface Choices {
  versions: number[];
  all: boolean;
}

export function Traffic({ model, choices, again }: { model: Model; choices: Choices; again: () => void }) {
  const aliases = Object.values(model.aliases);
  const heading = useRef<HTMLHeadingElement>(null);
  useRefocus(heading, aliases.length);
  return (
    <section aria-labelledby="traffic">
      <h2 id="traffic" ref={heading} tabIndex={-1}>Traffic</h2>
      {aliases.length === 0 && (
        <p>
          No name points at a version yet: whoever asks this model is answered by the newest one.
          {may("admin") && ` With a name “${USUAL}” you decide which one answers.`}
        </p>
      )}
      {aliases.map(alias => <OneAlias key={alias.alias} model={model.name} alias={alias} choices={choices} again={again} />)}
      {may("admin") && <NewAlias model={model} choices={choices} again={again} />}
    </section>
  );
}

/** Versions and the whole percents of the traffic that they get, the greatest first. */
export function shares(alias: Alias): [version: number, percent: number][] {
  const weights = Object.entries(alias.weights ?? { [alias.version]: 1 });
  const all = weights.reduce((sum, [, weight]) => sum + weight, 0);
  return weights.map(([version, weight]): [number, number] => [Number(version), Math.round((100 * weight) / all)]).sort((a, b) => b[1] - a[1]);
}

function OneAlias({ model, alias, choices, again }: { model: string; alias: Alias; choices: Choices; again: () => void }) {
  const [told, tell] = useState("");
  const [failure, fail] = useState<unknown>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useRefocus(heading, alias.etag);
  const now = shares(alias);
  const path = at`/v1/models/${model}/aliases/${alias.alias}`;
  // What another tab or person did since is not overwritten: it is told, and shown.
  const change = async (method: string, verb: string, body: unknown, done: string) => {
    fail(null);
    tell("");
    try {
      const answer = await ask<Alias | null>(method, path + verb, { ...(body !== undefined && { body }), headers: { "if-match": `"${alias.etag}"` } });
      tell([done, ...(answer.value?.warnings ?? [])].map(sentence).join(" "));
    } catch (error) {
      if (!(error instanceof Refused && error.status === 412)) throw error;
      tell(`Somebody else changed “${alias.alias}” meanwhile. This is how it is now; nothing of yours was done.`);
    }
    again();
  };
  return (
    <article class="card alias-card">
      <h3 ref={heading} tabIndex={-1}>{alias.alias}</h3>
      <p class="soft">
        {alias.alias === USUAL ? "answers whoever names no version" : `answers whoever asks for “${alias.alias}”`} · changed <Time at={alias.updated} />
      </p>
      <ul class="shares">
        {now.map(([version, percent]) => (
          <li key={version}>
            <a href={to("models", model, version)}>Version {version}</a> {percent} %
            <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect class="rest" width="100" height="4" /><rect class="above" width={percent} height="4" />
            </svg>
          </li>
        ))}
      </ul>
      <p role="status" class={told ? "notice" : "unseen"}>{told}</p>
      {failure !== null && <Failure error={failure} />}
      {may("admin") && now.length <= 2 && (
        <Canary alias={alias} now={now} choices={choices}
          apply={(body, done) => change("PUT", "", body, done).catch(fail)} />
      )}
      {may("admin") && (
        <div class="row">
          {now.length > 1 && now.map(([version]) => (
            <Confirmed key={version} danger={false} label={`Promote version ${version}`} title={`All traffic to version ${version}?`} confirm="Promote"
              act={() => change("POST", ":promote", { version }, `version ${version} answers all of it`)}>
              <p>The other gets none of it any more. You can roll back.</p>
            </Confirmed>
          ))}
          <Confirmed danger={false} label="Roll back" title={`Roll “${alias.alias}” back?`} confirm="Roll back"
            act={() => change("POST", ":rollback", undefined, "rolled back")}>
            <p>All traffic goes to the version that had it before. Steps of a canary are skipped.</p>
          </Confirmed>
          <Confirmed label="Remove the name" title={`Remove “${alias.alias}”?`} confirm="Remove"
            act={() => change("DELETE", "", undefined, "removed")}>
            <p>Its versions stay. Whoever asks by this name is refused from then on{alias.alias === USUAL && ", and who names no version is answered by the newest"}.</p>
          </Confirmed>
        </div>
      )}
      <Disclosure title="History" within>{() => <History path={`${path}/history`} round={alias.etag} />}</Disclosure>
    </article>
  );
}

/** A slider between two versions; nothing moves before it is applied. */
function Canary({ alias, now, choices, apply }: {
  alias: Alias;
  now: [number, number][];
  choices: Choices;
  apply: (body: unknown, done: string) => Promise<void>;
}) {
  const main = now[0]?.[0] ?? alias.version;
  const known = [...new Set([...now.map(([version]) => version), ...choices.versions])].filter(each => each !== main).sort((a, b) => b - a);
  const [other, choose] = useState(now[1]?.[0] ?? known[0]);
  const newest = Math.max(main, ...known);
  const usable = Boolean(other) && other !== main;
  const before = now.find(([version]) => version === other)?.[1] ?? 0;
  const [percent, move] = useState(before);
  const [busy, setBusy] = useState(false);
  // At once: an effect that comes after a first key press would take it back.
  useLayoutEffect(() => choose(now[1]?.[0] ?? known[0]), [alias.etag]);
  useLayoutEffect(() => move(before), [alias.etag, other]);
  if (!known.length) return <p class="soft">There is no second version to try beside it.</p>;
  const still = busy || !usable || percent === before;
  const set = async () => {
    if (still || !other) return;
    setBusy(true);
    const body = percent === 0 ? { version: main } : percent === 100 ? { version: other } : { weights: { [main]: 100 - percent, [other]: percent } };
    await apply(body, `version ${main} gets ${100 - percent} %, version ${other} gets ${percent} %`);
    setBusy(false);
  };
  return (
    <form onSubmit={event => { event.preventDefault(); void set(); }}>
      <Field label="Version to try beside it" hint={choices.all ? undefined : `Any number but ${main}; the newest is ${count(newest)}.`}>
        {given => <VersionChoice given={given} versions={known} all={choices.all} newest={newest} value={other} choose={choose} />}
      </Field>
      <Field label={`Its share of the traffic: ${percent} %`} hint={`Version ${main} keeps ${100 - percent} %. Nothing moves before you apply it.`}>
        {given => (
          <input {...given} type="range" min="0" max="100" step="1" value={percent} aria-valuetext={`${percent} % to version ${other || "…"}`}
            onInput={event => move(Number(event.currentTarget.value))} />
        )}
      </Field>
      <button type="submit" aria-disabled={still}>Apply</button>
    </form>
  );
}

function NewAlias({ model, choices, again }: { model: Model; choices: Choices; again: () => void }) {
  const { versions, all } = choices;
  const [name, rename] = useState(USUAL in model.aliases ? "" : USUAL);
  const [version, choose] = useState<number | undefined>(undefined);
  const [failure, fail] = useState<unknown>(null);
  if (!versions.length) return null;
  const add = async () => {
    fail(null);
    try {
      await ask("PUT", at`/v1/models/${model.name}/aliases/${name}`, { body: { version: version ?? versions[0] }, headers: { "if-none-match": "*" } });
      rename("");
      again();
    } catch (error) {
      fail(error);
    }
  };
  const form = () => (
    <form onSubmit={event => { event.preventDefault(); void add(); }}>
      <Field label="Name" hint={`“${USUAL}” answers whoever names no version.`}>
        {given => <input {...given} value={name} required maxLength={63} autocomplete="off" spellcheck={false} onInput={event => rename(event.currentTarget.value)} />}
      </Field>
      <Field label="Version">
        {given => <VersionChoice given={given} versions={versions} all={all} newest={versions[0] ?? 1} value={version ?? versions[0]} choose={choose} />}
      </Field>
      <button type="submit">Add the name</button>
      {failure !== null && <Failure error={failure} />}
    </form>
  );
  return <Disclosure title={USUAL in model.aliases ? "Add a name" : "Decide which version answers"}>{form}</Disclosure>;
}

const DID = { set: "set", promote: "promoted", rollback: "rolled back", delete: "removed" };

function History({ path, round }: { path: string; round: string }) {
  const [before, page] = useState<number | null>(null);
  const history = useLive<{ changes: Change[]; next_before: number | null }>(`${path}?limit=20${before ? `&before=${before}` : ""}`);
  useEffect(() => history.again(), [round]);
  return (
    <Shown of={history}>
      {({ changes, next_before }) =>
        changes.length === 0 ? <Empty title="Nothing was done yet" /> : (
          <>
            <div class="wide" tabIndex={0} role="region" aria-label="What was done">
              <table>
                <thead>
                  <tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col" class="roomy">From</th><th scope="col">To</th><th scope="col">Why</th></tr>
                </thead>
                <tbody>
                  {changes.map(change => (
                    <tr key={change.number}>
                      <td><Time at={change.time} /></td>
                      <td>{change.by ?? "no key"}</td>
                      <td>{DID[change.kind]}</td>
                      <td class="roomy">{state(change.from)}</td>
                      <td>{state(change.to)}</td>
                      <td class="said">{change.reason ?? ""}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <p class="row">
              {before !== null && <button type="button" class="link" onClick={() => page(null)}>Newest</button>}
              {next_before !== null && <button type="button" class="link" onClick={() => page(next_before)}>Older</button>}
            </p>
          </>
        )
      }
    </Shown>
  );
}

function state(of: AliasState): string {
  if (!of) return "nothing";
  if ("version" in of) return `version ${of.version}`;
  const all = Object.values(of.weights).reduce((sum, each) => sum + each, 0);
  return Object.entries(of.weights).map(([version, weight]) => `version ${version}: ${Math.round((100 * weight) / all)} %`).join(", ");
}
