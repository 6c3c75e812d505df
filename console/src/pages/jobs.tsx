// All jobs, the newest first.
import type { JobState as State, ListedJobs } from "../answers.ts";
import { useLive } from "../live.ts";
import { isOver, JobState, progress, purpose } from "../parts/job-state.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { to } from "../router.ts";

const [PAGE, SECONDS] = [50, 1_000];
const STATES: State[] = ["queued", "running", "succeeded", "failed", "cancelled"];

export function Jobs({ query }: { query: URLSearchParams }) {
  const asked = new URLSearchParams({ limit: String(PAGE) });
  for (const name of ["state", "model", "after"]) if (query.get(name)) asked.set(name, query.get(name) ?? "");
  const jobs = useLive<ListedJobs>(`/v1/jobs?${asked}`, last => (last.jobs.some(job => !isOver(job)) ? 2 : 15) * SECONDS);
  const filtered = asked.has("state") || asked.has("model");
  return (
    <>
      <header class="page">
        <h1>Jobs</h1>
      </header>
      <Filter query={query} />
      <Shown of={jobs}>{listed => <Listed listed={listed} query={query} filtered={filtered} />}</Shown>
    </>
  );
}

/** Where the list is filtered: in its address, so that a reload and the way back keep it. */
function Filter({ query }: { query: URLSearchParams }) {
  const choose = (name: string, value: string) => {
    const chosen = new URLSearchParams(query);
    chosen.delete("after");
    if (value) chosen.set(name, value);
    else chosen.delete(name);
    location.hash = `${to("jobs")}?${chosen}`;
  };
  return (
    <form class="row filter" role="search" onSubmit={event => event.preventDefault()}>
      <label>
        State{" "}
        <select value={query.get("state") ?? ""} onChange={event => choose("state", event.currentTarget.value)}>
          <option value="">any</option>
          {STATES.map(state => <option key={state} value={state}>{state}</option>)}
        </select>
      </label>
      <label>
        Model{" "}
        <input type="search" value={query.get("model") ?? ""} maxLength={63} autocomplete="off" spellcheck={false}
          onChange={event => choose("model", event.currentTarget.value.trim())} />
      </label>
    </form>
  );
}

function Listed({ listed, query, filtered }: { listed: ListedJobs; query: URLSearchParams; filtered: boolean }) {
  if (!listed.jobs.length && !listed.next_after)
    return (
      <Empty title={filtered ? "No job is like that" : "There is no job yet"}>
        <p>
          {filtered ? <a href={to("jobs")}>All jobs</a> : <><a href={to("datasets")}>Bring a table</a>, and train a model from it.</>}
        </p>
      </Empty>
    );
  const onwards = new URLSearchParams(query);
  onwards.set("after", listed.next_after ?? "");
  const start = new URLSearchParams(query);
  start.delete("after");
  return (
    <>
      <table class="jobs">
        <thead>
          <tr><th scope="col">Job</th><th scope="col">State</th><th scope="col">Sent</th></tr>
        </thead>
        <tbody>
          {listed.jobs.map(job => (
            <tr key={job.id}>
              <td>
                <a href={to("jobs", job.id)}>{job.model}</a>
                <div class="soft">{purpose(job)}</div>
              </td>
              <td>
                <JobState job={job} />
                <div class="soft">
                  {progress(job)}
                  {job.version !== null && `version ${job.version}`}
                  {job.error && <span class="clip">{job.error.message}</span>}
                </div>
              </td>
              <td><Time at={job.created} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <nav class="pager" aria-label="Pages">
        {query.get("after") && <a href={`${to("jobs")}?${start}`}>Newest jobs</a>}
        {listed.next_after && <a href={`${to("jobs")}?${onwards}`}>Older jobs</a>}
      </nav>
    </>
  );
}
