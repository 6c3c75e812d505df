// A dataset's privacy budget: what is left, what was spent by which training, and, for an admin, how it is set.
import { useState } from "preact/hooks";
import type { BudgetOf, PrivacyBudget } from "../answers.ts";
import { Confirmed } from "../parts/dialog.tsx";
import { against } from "../parts/faults.ts";
import { Field } from "../parts/field.tsx";
import { count, many, number } from "../parts/format.ts";
import { Failure, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { useLive } from "../live.ts";
import { to } from "../router.ts";
import { ask, at, Refused } from "../service.ts";
import { may } from "../session.ts";

const EVERY = 20_000;
const SHOWN = 20;

/** `changed` is told when a budget was set or removed: then the dataset is read by others. */
export function Budget({ name, changed }: { name: string; changed: () => void }) {
  const found = useLive<PrivacyBudget>(at`/v1/datasets/${name}/budget`, () => EVERY);
  const done = () => {
    found.again();
    changed();
  };
  return (
    <section class="block" aria-labelledby="budget">
      <h2 id="budget">Privacy budget</h2>
      <Shown of={found}>
        {account => (
          <>
            <Left account={account} />
            {may("admin") && <Setting key={account.budget ? "set" : "none"} name={name} account={account} done={done} />}
            <Spent account={account} />
            <Changes account={account} />
          </>
        )}
      </Shown>
    </section>
  );
}

function Left({ account: { budget, spent, left } }: { account: PrivacyBudget }) {
  if (!budget || !left) return <p>None is set: everything may read this dataset that its key allows.</p>;
  // Costs add up as rho, so that the bar is of rho; the words are of epsilon.
  const [gone, rest] = [fraction(spent.rho), fraction(left.rho)];
  return (
    <>
      <p>
        Only private trainings read this dataset. It is not described, scored or trained on otherwise, so that a training on it is
        asked for by a request.
      </p>
      <p class="progress">
        <progress aria-label="Spent of the privacy budget" max={1} value={gone + rest > 0 ? gone / (gone + rest) : 1} />
        <span>{told(spent.epsilon ?? 0)} of epsilon {told(budget.epsilon)} is spent, at delta {budget.delta}</span>
      </p>
      <p>
        {left.epsilon > 0
          ? `One more training may ask for epsilon ${down(left.epsilon)} at that delta, or several for less.`
          : "Nothing is left: private trainings are refused until an admin raises it."}
      </p>
    </>
  );
}

function Setting({ name, account, done }: { name: string; account: PrivacyBudget; done: () => void }) {
  const { budget, etag } = account;
  const [epsilon, sayEpsilon] = useState(String(budget?.epsilon ?? ""));
  const [delta, sayDelta] = useState(String(budget?.delta ?? 1e-6));
  const [failure, fail] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const put = async (next: { epsilon: number | string; delta: number | string } | null) => {
    await ask("PUT", at`/v1/datasets/${name}/budget`, { body: { budget: next }, headers: { "if-match": `"${etag}"` } });
    done();
  };
  const set = async () => {
    setBusy(true);
    fail(null);
    try {
      await put({ epsilon: asNumber(epsilon), delta: asNumber(delta) });
    } catch (error) {
      fail(error);
    }
    setBusy(false);
  };
  const faults = failure instanceof Refused ? failure.faults : [];
  return (
    <form class="row" onSubmit={event => { event.preventDefault(); if (!busy) void set(); }}>
      <Field label="Epsilon of the budget" hint="What all private trainings together may cost." faults={against(faults, "$.budget.epsilon")}>
        {given => <input {...given} inputmode="decimal" value={epsilon} onInput={event => sayEpsilon(event.currentTarget.value)} />}
      </Field>
      <Field label="Delta of the budget" hint="Well below 1 of the number of rows." faults={against(faults, "$.budget.delta")}>
        {given => <input {...given} inputmode="decimal" value={delta} onInput={event => sayDelta(event.currentTarget.value)} />}
      </Field>
      <button type="submit" aria-disabled={busy}>{budget ? "Change the budget" : "Set a budget"}</button>
      {budget && (
        <Confirmed label="Remove it" title={`Remove the privacy budget of ${name}?`} confirm="Remove it" act={() => put(null)}>
          <p>The dataset may then be described, scored and trained on without privacy again. What was spent stays written down.</p>
        </Confirmed>
      )}
      {failure !== null && faults.length === 0 && <Failure error={failure} />}
    </form>
  );
}

function Spent({ account: { entries, entries_omitted } }: { account: PrivacyBudget }) {
  const all = entries.length + entries_omitted;
  if (!all) return null;
  return (
    <details>
      <summary>{many(all, "attempt")} at a private training</summary>
      <div class="wide" tabIndex={0} role="region" aria-label="Attempts that were paid for">
        <table>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" class="number">Attempt</th>
              <th scope="col" class="number">Rho</th>
              <th scope="col">Paid</th>
            </tr>
          </thead>
          <tbody>
            {entries.slice(0, SHOWN).map(each => (
              <tr key={`${each.job} ${each.attempt} ${each.time}`}>
                <td class="said">{each.job ? <a href={to("jobs", each.job)}>{each.model}</a> : "another model"}</td>
                <td class="number">{count(each.attempt)}</td>
                <td class="number">{number(fraction(each.rho))}</td>
                <td><Time at={each.time} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {all > SHOWN && <p class="soft">These are the newest {count(Math.min(SHOWN, entries.length))} of {count(all)}.</p>}
    </details>
  );
}

function Changes({ account: { changes, changes_omitted } }: { account: PrivacyBudget }) {
  const all = changes.length + changes_omitted;
  if (!all) return null;
  return (
    <details>
      <summary>{many(all, "change")} of the budget</summary>
      <ul>
        {changes.slice(0, SHOWN).map(each => (
          <li key={each.number}>
            <Time at={each.time} />: {budgetOf(each.from)} → {budgetOf(each.to)}{each.by && `, by the key ${each.by}`}
          </li>
        ))}
      </ul>
    </details>
  );
}

const budgetOf = (budget: BudgetOf | null): string => (budget ? `epsilon ${told(budget.epsilon)} at delta ${budget.delta}` : "none");
const told = (epsilon: number): string => number(epsilon);
/** What may be asked for is never told as more than it is. */
const down = (epsilon: number): string => number(Math.floor(epsilon * 1_000) / 1_000);
const asNumber = (text: string): number | string => (text.trim() && Number.isFinite(Number(text)) ? Number(text) : text);

/** An exact fraction such as `3/8`, as a number that is near enough for a picture. */
export function fraction(text: string): number {
  const [above = "0", below = "1"] = text.split("/");
  return Number(above) / Number(below);
}
