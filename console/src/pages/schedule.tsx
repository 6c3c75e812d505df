// When a model is trained again by itself, what became of it, and, for an admin, how that is written.
import { useState } from "preact/hooks";
import type { Schedule as Answer, ScheduledRun, Version, Versions, WrittenSchedule } from "../answers.ts";
import { Confirmed } from "../parts/dialog.tsx";
import { against, elsewhere } from "../parts/faults.ts";
import { Field } from "../parts/field.tsx";
import { Failure, Loading } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at, get, Refused } from "../service.ts";
import { may } from "../session.ts";
import { GuardTold } from "./schedule/guard.tsx";
import { NEW, trained, written } from "./schedule/written.ts";

const EVERY = 20_000;
const OUTCOMES: Record<ScheduledRun["outcome"], string> = {
  started: "started",
  unchanged: "nothing changed, so nothing was trained",
  refused: "refused",
  too_many: "waits: too many jobs",
  too_soon: "waits: too soon after the last one",
  most_a_day: "waits for tomorrow",
};
const TRIGGERS: Record<ScheduledRun["trigger"], string> = { every: "time", upload: "an upload", drift: "drift" };
// The fields that have a place of their own for what is wrong with them.
const PLACES = ["$.train", "$.every", "$.on", "$.at_most_every", "$.most_a_day"];

export function Schedule({ name }: { name: string }) {
  const path = at`/v1/models/${name}/schedule`;
  const found = useLive<Answer>(path, () => EVERY);
  const none = found.error instanceof Refused && found.error.status === 404;
  return (
    <section class="block" aria-labelledby="schedule">
      <h2 id="schedule">Trained again by itself</h2>
      {none ? (
        <>
          <p>It is not: versions come from trainings that somebody asks for.</p>
          {may("admin") && <Beginning name={name} path={path} done={found.again} />}
        </>
      ) : found.value ? (
        <>
          <Told schedule={found.value} />
          <Runs runs={found.value.runs} />
          {found.value.guard && <GuardTold model={name} guard={found.value.guard} promote={found.value.promote} />}
          {may("admin") && <Changing key={found.value.etag} schedule={found.value} path={path} done={found.again} />}
        </>
      ) : found.error ? (
        <Failure error={found.error} again={found.again} />
      ) : (
        <Loading />
      )}
    </section>
  );
}

function Told({ schedule: { every, on, at_most_every, most_a_day, paused, next, writer, updated, train } }: { schedule: Answer }) {
  const data = (train["data"] ?? {}) as Record<string, unknown>;
  const reasons = [...(every ? [`every ${every}`] : []), ...on.map(each => (each === "upload" ? "on each upload" : "when its rows drift"))];
  return (
    <>
      {paused && <p class="notice">It is paused: nothing is started.</p>}
      <p>
        {reasons.join(", ")}, on <code>{String(data["uri"] ?? "")}</code>; at most {most_a_day} a day
        {at_most_every && ` and once in ${at_most_every}`}.
        {next && <> The next time is <Time at={next} />.</>}
      </p>
      <p class="soft">Written <Time at={updated} />{writer && ` by the key ${writer}`}. A run may do what that key may.</p>
    </>
  );
}

function Runs({ runs }: { runs: ScheduledRun[] }) {
  if (!runs.length) return <p class="soft">Nothing was due yet.</p>;
  return (
    <div class="wide" tabIndex={0} role="region" aria-label="Table of runs">
      <table>
        <caption class="unseen">The last runs</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Because of</th>
            <th scope="col">What became of it</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(each => (
            <tr key={`${each.trigger} ${each.slot}`}>
              <td><Time at={each.at} /></td>
              <td>{TRIGGERS[each.trigger]}</td>
              <td class="said">
                {each.job ? <a href={to("jobs", each.job)}>{each.ended ?? OUTCOMES[each.outcome]}</a> : OUTCOMES[each.outcome]}
                {each.version && `, version ${each.version}`}
                {each.reason && each.outcome !== "unchanged" && `: ${each.reason}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Changing({ schedule, path, done }: { schedule: Answer; path: string; done: () => void }) {
  const headers = { "if-match": `"${schedule.etag}"` };
  const put = (body: WrittenSchedule) => ask("PUT", path, { body, headers }).then(done);
  return (
    <>
      <p class="row">
        <Confirmed label={schedule.paused ? "Go on" : "Pause it"} danger={false}
          title={schedule.paused ? "Start runs again?" : "Start no runs for a while?"}
          confirm={schedule.paused ? "Go on" : "Pause it"}
          act={() => put({ ...written(schedule), paused: !schedule.paused })}>
          {schedule.paused && <p>What came in the meantime is past: the next run is of what comes from now on.</p>}
        </Confirmed>
        <Confirmed label="Remove it" title="Remove this schedule?" confirm="Remove it" act={() => ask("DELETE", path, { headers }).then(done)}>
          <p>Runs that started go on. Nothing is trained by itself any more.</p>
        </Confirmed>
      </p>
      <details>
        <summary>Change it</summary>
        <Form before={written(schedule)} label="Change the schedule" put={put} />
      </details>
    </>
  );
}

/** A schedule that begins with how the newest version was trained, where its data have an address. */
function Beginning({ name, path, done }: { name: string; path: string; done: () => void }) {
  const [before, begin] = useState<WrittenSchedule | null>(null);
  const [failure, fail] = useState<unknown>(null);
  const start = async () => {
    fail(null);
    try {
      const { versions } = await get<Versions>(at`/v1/models/${name}/versions?limit=1`);
      const newest = versions[0] && (await get<Version>(at`/v1/models/${name}/versions/${versions[0].version}`));
      begin({ ...NEW, train: trained(newest) });
    } catch (error) {
      fail(error);
    }
  };
  if (!before)
    return (
      <>
        <p><button type="button" class="second" onClick={() => void start()}>Write a schedule</button></p>
        {failure !== null && <Failure error={failure} />}
      </>
    );
  const put = (body: WrittenSchedule) => ask("PUT", path, { body, headers: { "if-none-match": "*" } }).then(done);
  return <Form before={before} label="Write the schedule" put={put} />;
}

function Form({ before, label, put }: { before: WrittenSchedule; label: string; put: (body: WrittenSchedule) => Promise<unknown> }) {
  const [train, sayTrain] = useState(JSON.stringify(before.train, null, 1));
  const [every, sayEvery] = useState(before.every ?? "");
  const [on, sayOn] = useState(before.on);
  const [pause, sayPause] = useState(before.at_most_every ?? "");
  const [most, sayMost] = useState(String(before.most_a_day));
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    fail(null);
    try {
      await put({
        ...before,
        train: read(train),
        every: every.trim() || null,
        on,
        at_most_every: pause.trim() || null,
        most_a_day: most.trim() && Number.isFinite(Number(most)) ? Number(most) : (most as unknown as number),
      });
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };
  const faults = failure instanceof Refused ? failure.faults : [];
  const tick = (word: string, ticked: boolean) => sayOn(ticked ? [...on, word] : on.filter(each => each !== word));
  return (
    <form onSubmit={event => { event.preventDefault(); if (!busy) void send(); }}>
      <Field label="What to train" hint="As :train takes it, with the data's address; no rows." faults={against(faults, "$.train")}>
        {given => <textarea {...given} rows={8} spellcheck={false} value={train} onInput={event => sayTrain(event.currentTarget.value)} />}
      </Field>
      <Field label="Every" hint="P1D is each midnight of UTC, PT6H every six hours, P7D each Thursday. Empty for never." faults={against(faults, "$.every")}>
        {given => <input {...given} value={every} onInput={event => sayEvery(event.currentTarget.value)} />}
      </Field>
      <fieldset>
        <legend>And</legend>
        <label class="row">
          <input type="checkbox" checked={on.includes("upload")} onChange={event => tick("upload", event.currentTarget.checked)} />
          when something new was uploaded
        </label>
        <label class="row">
          <input type="checkbox" checked={on.includes("drift")} onChange={event => tick("drift", event.currentTarget.checked)} />
          when the rows that it is asked about drift
        </label>
        {against(faults, "$.on").map(fault => <p key={fault} class="bad" role="alert">{fault}</p>)}
      </fieldset>
      <Field label="At most every" hint="The time between two runs, such as PT6H; needed for drift." faults={against(faults, "$.at_most_every")}>
        {given => <input {...given} value={pause} onInput={event => sayPause(event.currentTarget.value)} />}
      </Field>
      <Field label="Most a day" hint="1 to 48 runs in a day of UTC." faults={against(faults, "$.most_a_day")}>
        {given => <input {...given} inputmode="numeric" value={most} onInput={event => sayMost(event.currentTarget.value)} />}
      </Field>
      <p class="row"><button type="submit" aria-disabled={busy}>{label}</button></p>
      {failure !== null && (faults.length === 0 || elsewhere(faults, PLACES).length > 0) && <Failure error={failure} />}
    </form>
  );
}

/** JSON that somebody wrote; a text that is none goes as it is, and the service says what is wrong with it. */
function read(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return text as unknown as Record<string, unknown>;
  }
}
