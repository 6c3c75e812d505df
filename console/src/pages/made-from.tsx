// What was made from a dataset: the versions, and what became of it all when it was erased.
import { useState } from "preact/hooks";
import type { Erasure, ErasureLine, MadeVersion, MadeVersions } from "../answers.ts";
import { count, many } from "../parts/format.ts";
import { Failure, sentence } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at } from "../service.ts";

const LOOKED_UP = 2_000;
const AGAIN = 1_000;
const PAGE = 50;

/** What the service lists; asked again while it looks up what an earlier release of it made. */
export function useMade(name: string, after: string | null = null) {
  const path = `${at`/v1/datasets/${name}/versions`}?limit=${PAGE}${after === null ? "" : `&after=${encodeURIComponent(after)}`}`;
  return useLive<MadeVersions>(path, last => (last.complete ? 0 : LOOKED_UP));
}

export function MadeFrom({ name }: { name: string }) {
  const [after, setAfter] = useState<string | null>(null);
  const { value, error } = useMade(name, after);
  // Nothing was ever uploaded or made: the page says so itself.
  if (!value || (value.versions.length === 0 && value.complete && after === null && !value.next_after)) return null;
  return (
    <section class="block" aria-labelledby="made">
      <h2 id="made">Versions made from it</h2>
      {!value.complete && <p class="soft" role="status">What an earlier release made is being looked up …</p>}
      {error && <Failure error={error} />}
      <div class="wide" tabIndex={0} role="region" aria-label="Table of versions made from it">
        <table>
          <thead>
            <tr>
              {["Version", "Algorithm", "Made", "Upload", "State"].map(title => <th key={title} scope="col">{title}</th>)}
            </tr>
          </thead>
          <tbody>{value.versions.map(each => <Made key={`${each.job} ${each.version}`} made={each} />)}</tbody>
        </table>
      </div>
      <p class="row">
        {after !== null && <button type="button" class="second" onClick={() => setAfter(null)}>The newest</button>}
        {value.next_after && <button type="button" class="second" onClick={() => setAfter(value.next_after)}>Older ones</button>}
      </p>
    </section>
  );
}

function Made({ made }: { made: MadeVersion }) {
  const title = `${made.model} version ${made.version}`;
  const state = [
    made.deleted && (made.restorable_until ? "deleted, can be restored" : "deleted for good"),
    ...made.aliases.map(alias => `alias ${alias}`),
    made.copy && "a copy",
    made.contains_training_rows && "holds rows",
  ];
  return (
    <tr>
      <th scope="row">{made.deleted ? title : <a href={to("models", made.model, made.version)}>{title}</a>}</th>
      <td>{made.algorithm ?? "–"}</td>
      <td>{made.created ? <Time at={made.created} /> : "–"}</td>
      <td><code>{made.data.uri.split("/").pop()}</code></td>
      <td>{state.filter(Boolean).join(", ")}</td>
    </tr>
  );
}

/** Deletes a dataset with every version that was made from it; asks again until jobs that read it are over. */
export async function erase(name: string): Promise<Erasure> {
  for (;;) {
    const { value } = await ask<Erasure>("DELETE", `${at`/v1/datasets/${name}`}?with_versions=true`);
    if (value.complete) return value;
    await new Promise(done => window.setTimeout(done, AGAIN));
  }
}

const PARTS: [keyof Pick<Erasure, "gone" | "going" | "expires" | "stays">, string][] = [
  ["gone", "Gone"],
  ["going", "Removed within minutes"],
  ["expires", "Expires by itself"],
  ["stays", "Stays: deletion cannot remove it"],
];

/** What became of a dataset that was erased. */
export function Report({ report }: { report: Erasure }) {
  return (
    <>
      <p class="soft"><a href={to("datasets")}>All datasets</a></p>
      <header class="page"><h1>{report.dataset} is erased</h1></header>
      <p role="status">{many(report.versions.length, "version")} made from it went with it.</p>
      {PARTS.map(([part, title]) => report[part].length > 0 && (
        <section key={part} class="block">
          <h2>{title}</h2>
          <ul>{report[part].map(line => <li key={`${line.what} ${line.detail}`}>{told(line)}</li>)}</ul>
        </section>
      ))}
      {report.versions.length > 0 && (
        <details>
          <summary>The versions</summary>
          <ul>{report.versions.map(each => <li key={`${each.model} ${each.version}`}>{each.model} version {each.version}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function told(line: ErasureLine): string {
  const number = line.number === null ? "" : `${count(line.number)}: `;
  const days = line.days === null ? "" : ` At most ${many(line.days, "day")} more.`;
  return `${number}${sentence(line.detail)}${days}`;
}
