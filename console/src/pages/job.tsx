// One job: how far it is, how it goes, and what came of it.
import type { Job as JobAnswer, JobFiles, Measured, Step } from "../answers.ts";
import { Line, type Series } from "../charts/line.tsx";
import { useLive } from "../live.ts";
import { Confirmed } from "../parts/dialog.tsx";
import { count, duration, many, metric, size, words } from "../parts/format.ts";
import { figures, says, valued } from "../parts/measures.ts";
import { isOver, JobState, progress, purpose } from "../parts/job-state.tsx";
import { repeats, sentence, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { to } from "../router.ts";
import { ask, at, reachable } from "../service.ts";
import { may } from "../session.ts";

const [OFTEN, RARELY] = [1_500, 60_000];

export function Job({ id }: { id: string }) {
  const job = useLive<JobAnswer>(at`/v1/jobs/${id}`, last => (isOver(last) ? RARELY : OFTEN));
  return (
    <>
      <p class="soft">
        <a href={to("jobs")}>All jobs</a>
      </p>
      <Shown of={job}>{shown => <One job={shown} again={job.again} />}</Shown>
    </>
  );
}

function One({ job, again }: { job: JobAnswer; again: () => void }) {
  const cancel = async () => {
    await ask("DELETE", at`/v1/jobs/${job.id}`);
    again();
  };
  // The first training of a model that goes on, or failed, leads to none.
  const exists = job.version !== null || job.request.kind === "score";
  return (
    <>
      <header class="page">
        <h1>
          {may("read") && exists ? <a href={to("models", job.model)}>{job.model}</a> : job.model}
        </h1>
        {!isOver(job) && may("train") && (
          <Confirmed label="Cancel the job" title="Cancel this job?" confirm="Cancel it" act={cancel} disabled={job.cancelling}>
            <p>What it has reached so far is lost.</p>
          </Confirmed>
        )}
      </header>
      <p>
        <JobState job={job} /> · {purpose(job)} · sent <Time at={job.created} />
        {job.started && job.finished && ` · took ${duration((Date.parse(job.finished) - Date.parse(job.started)) / 1_000)}`}
      </p>
      <p class="unseen" role="status">{announced(job)}</p>
      {!isOver(job) && <Running job={job} />}
      <Outcome job={job} />
      {job.error && <Why error={job.error} />}
      {isOver(job) && <Again job={job} />}
      <History steps={job.metrics?.history ?? []} step={stepOf(job)} running={!isOver(job)} />
      {job.warnings.length > 0 && (
        <section class="block">
          <h2>Warnings</h2>
          <ul>{job.warnings.map(warning => <li key={warning}>{sentence(warning)}</li>)}</ul>
        </section>
      )}
      {job.result && <Files id={job.id} uri={job.result.uri} />}
      <Details job={job} />
    </>
  );
}

/** Said aloud once, when it is so. */
function announced(job: JobAnswer): string {
  if (job.state === "succeeded") return job.version === null ? "The job succeeded." : `The job succeeded: version ${job.version}.`;
  return isOver(job) ? `The job ${job.state === "failed" ? "failed" : "was cancelled"}.` : "";
}

function Running({ job }: { job: JobAnswer }) {
  const counted = job.percentage;
  const said = job.state === "queued" ? "waits for a trainer" : progress(job) || "begins";
  return (
    <p class="progress">
      <progress aria-label={words(job.phase ?? job.state)} max={100} {...(counted === null ? {} : { value: counted })} />
      <span>{sentence(said)}</span>
    </p>
  );
}

function Outcome({ job }: { job: JobAnswer }) {
  const { result } = job;
  if (result)
    return (
      <p class="notice">
        {many(result.rows, "row")} predicted{result.rejected > 0 && `, ${count(result.rejected)} not`}: {size(result.bytes)} in{" "}
        {many(result.files, "file")}.
      </p>
    );
  if (job.version === null) return null;
  const measured = job.metrics?.test ?? job.metrics?.training ?? {};
  const found = figures(measured as Measured);
  return (
    <section class="notice">
      <p class="row">
        {may("read") && <a class="button" href={to("models", job.model, job.version)}>Open version {job.version}</a>}
        {may("predict") && <a class="button second" href={to("try", job.model, job.version)}>Try it</a>}
        {may("read") && <a href={to("models", job.model)}>All versions of {job.model}</a>}
      </p>
      {found.length > 0 && (
        <>
          <h2>{job.metrics?.test ? "On rows that it has not seen" : "On the rows it was trained on"}</h2>
          <dl class="facts">
            {found.map(([name, value]) => (
              <div key={name}>
                <dt>{metric(name)}</dt>
                <dd>{valued(name, value)}</dd>
                {says(name) && <dd class="soft">{says(name)}</dd>}
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

/** The dataset that the job is of; empty where its rows came otherwise. */
function datasetOf(job: JobAnswer): string {
  const uri = String((job.request["data"] as { uri?: unknown } | null | undefined)?.uri ?? "");
  return /^dataset:\/\/([^/]+)/.exec(uri)?.[1] ?? "";
}

/** Back to where it was chosen, with what was chosen. */
function Again({ job }: { job: JobAnswer }) {
  const dataset = datasetOf(job);
  if (!dataset || (job.request.kind ?? "train") !== "train") return null;
  return (
    <p>
      <a class={job.error ? "button" : ""} href={`${to("datasets", dataset)}?job=${encodeURIComponent(job.id)}`}>
        {job.error ? "Change it and train again" : "Train it again with other choices"}
      </a>
    </p>
  );
}

function Why({ error }: { error: NonNullable<JobAnswer["error"]> }) {
  const faults = error.faults ?? [];
  return (
    <section class="block failure">
      <h2>Why it failed</h2>
      {!repeats({ message: error.message, faults }) && <p>{sentence(error.message)}</p>}
      {faults.length > 0 && (
        <ul class="faults">
          {faults.map(fault => (
            <li key={fault.path + fault.message}>
              {sentence(fault.message)} <code class="soft">{fault.path}</code>
            </li>
          ))}
        </ul>
      )}
      <p class="soft">{sentence(words(error.code))}</p>
    </section>
  );
}

/** What each step reached, a figure for each kind of thing that was measured. */
function History({ steps, step, running }: { steps: Step[]; step: string; running: boolean }) {
  const names = [...new Set(steps.flatMap(step => Object.keys(step)))].filter(name => name !== "done" && name !== "of");
  if (steps.length < 2 || !names.length) return null;
  const figures = grouped(names);
  const last = steps.at(-1);
  return (
    <section class="block">
      <h2>{running ? "As it trains" : "As it trained"}</h2>
      {last && (
        <p class="soft">
          {last.of > last.done && `${count(last.done)} of at most `}
          {many(Math.max(last.of, last.done), step, step === "pass" ? "passes" : undefined)}
        </p>
      )}
      <div class="charts">
        {[...figures].map(([name, members]) => (
          <Line key={name} title={metric(name)} x={step} y={metric(name)} series={members.map(each => line(steps, each))}
            {...(name === "accuracy" ? { yRange: [0, 1] as [number, number] } : {})} />
        ))}
      </div>
    </section>
  );
}

/** What a step of its training is called. */
function stepOf(job: JobAnswer): string {
  if (job.engine?.passes || job.metrics?.history?.some(each => "objective" in each)) return "pass";
  return "epochs" in ((job.request["hyperparameters"] as object | null | undefined) ?? {}) ? "epoch" : "step";
}

const kind = (name: string): string => name.replace(/^validation_/, "");
const line = (steps: Step[], name: string): Series => ({
  name: metric(name),
  points: steps.map(step => [step.done, step[name] ?? null]),
});

function grouped(names: string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const name of names) found.set(kind(name), [...(found.get(kind(name)) ?? []), name]);
  return found;
}

function Files({ id, uri }: { id: string; uri: string | null }) {
  const files = useLive<JobFiles>(at`/v1/jobs/${id}/files` + "?limit=1000");
  return (
    <section class="block">
      <h2>Files</h2>
      {uri && <p>They are at <code>{uri}</code>.</p>}
      <Shown of={files}>
        {listed => (
          <div class="wide"><table>
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col">What</th>
                <th scope="col" class="number">Rows</th>
                <th scope="col" class="number">Size</th>
              </tr>
            </thead>
            <tbody>
              {listed.files.map(file => (
                <tr key={file.name}>
                  <td>
                    {file.url ? <a href={reachable(file.url)} download={file.name}>{file.name}</a> : <code>{file.uri ?? file.name}</code>}
                  </td>
                  <td>{file.kind === "rejects" ? "rows that were not predicted" : "predictions"}</td>
                  <td class="number">{count(file.rows)}</td>
                  <td class="number">{size(file.size)}</td>
                </tr>
              ))}
            </tbody>
          </table></div>
        )}
      </Shown>
      {files.value?.next_after && <p class="soft">There are more: ask the API for them.</p>}
      {files.value && !uri && (
        <p class="soft">
          The addresses hold for an hour. <button type="button" class="link" onClick={files.again}>Renew them</button>
        </p>
      )}
    </section>
  );
}

const ENGINES: Record<string, string> = {
  memory: "Done by one process with all rows in its memory",
  function: "Done by one function, part by part",
  streamed: "Done by one process that read the rows part by part",
  lithops: "Done by many functions",
};

function Details({ job }: { job: JobAnswer }) {
  const { engine } = job;
  const reasons = job.attempts.some(attempt => attempt.reason);
  return (
    <section class="block">
      <h2>How it went</h2>
      {engine && (
        <p>
          {ENGINES[engine.name] ?? `Done by ${engine.name}`}
          {engine.reason && `, since ${engine.reason}`}.
          {engine.passes !== null && ` ${many(engine.passes, "pass", "passes")} over the data.`}
          {engine.parts !== null && ` ${many(engine.parts, "part")}.`}
        </p>
      )}
      {job.attempts.length > 0 && (
        <div class="wide">
          <table>
            <caption class="unseen">Attempts</caption>
            <thead>
              <tr><th scope="col">Attempt began</th><th scope="col">Outcome</th>{reasons && <th scope="col">Reason</th>}</tr>
            </thead>
            <tbody>
              {job.attempts.map(attempt => (
                <tr key={attempt.started}>
                  <td><Time at={attempt.started} /></td>
                  <td>{attempt.outcome ?? "goes on"}{attempt.times && ` ${count(attempt.times)} times`}</td>
                  {reasons && <td class="said">{attempt.reason === job.error?.message ? "as above" : (attempt.reason ?? "")}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <details>
        <summary>What was asked for</summary>
        <pre class="wide" tabIndex={0} aria-label="The request as JSON">{JSON.stringify(job.request, null, 2)}</pre>
      </details>
      <p class="soft">
        Job {job.id}
        {job.submitter && `, sent by the key ${job.submitter}`}
      </p>
    </section>
  );
}
