// One column of a table: what it was taken for, what is in it, and how to say that it is something else.
import type { DescribedColumn } from "../answers.ts";
import { Bars, Histogram } from "../charts/bars.tsx";
import { count, many, moment, number, share } from "./format.ts";
import { labelled } from "./labels.ts";
import { sentence } from "./states.tsx";

/** The choice to leave a column out: it is said by `exclude`, as it is no type. */
export const OUT = "ignore";
export const TYPES: Record<string, string> = {
  number: "number",
  category: "category",
  boolean: "true or false",
  date: "date",
  [OUT]: "leave out",
};
const TAKEN: Record<string, string> = {
  ...TYPES,
  integer: "whole number",
  list: "lists of numbers",
  other: "something else",
};
const DATES: Record<string, string> = { dmy: "the day first", mdy: "the month first", ymd: "the year first", named: "the month's name" };
const MOST_BARS = 6;

export function ColumnRow({ column, rows, said, guess, dayfirst, notes, faults, overrule, sayDayFirst }: {
  column: DescribedColumn;
  rows: number;
  /** The type that was said of it, empty where it is guessed; and what was guessed, where that is known. */
  said: string;
  guess: string;
  dayfirst: boolean | undefined;
  notes: string[];
  faults: string[];
  overrule: (type: string) => void;
  sayDayFirst: (dayfirst: boolean) => void;
}) {
  const taken = TAKEN[guess] ?? guess;
  const told = inWords(column.read ?? {});
  const asksDay = notes.some(note => note.includes('"dayfirst"')) || column.read?.["date"] === "dmy" || column.read?.["date"] === "mdy";
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        {column.name}
      </th>
      <td role="cell">
        <select aria-label={`What ${column.name} is`} value={said} onChange={event => overrule(event.currentTarget.value)}
          {...(faults.length && { "aria-invalid": true as const })}>
          <option value="">{guess ? `${taken} (a guess)` : "as guessed"}</option>
          {Object.entries(TYPES).map(([type, words]) => <option key={type} value={type}>{words}</option>)}
        </select>
        {column.left_out && <p class="warn">Left out: it {column.left_out}.</p>}
        {told && <p class="soft">{sentence(told)}</p>}
        {asksDay && dayfirst === undefined && (
          <p class="row soft">
            <button type="button" class="link" onClick={() => sayDayFirst(true)}>Day first</button>
            <button type="button" class="link" onClick={() => sayDayFirst(false)}>Month first</button>
          </p>
        )}
        {faults.map(fault => <p key={fault} class="bad" role="alert">{sentence(labelled(fault))}</p>)}
        {notes.map(note => <p key={note} class="warn">{sentence(labelled(note))}</p>)}
      </td>
      <td role="cell">
        {column.type !== "ignore" && (
          <>
            <span class="narrow">Missing: </span>
            {column.missing ? `${count(column.missing)} (${share(column.missing / Math.max(1, rows))})` : <span class="soft">none</span>}
          </>
        )}
        {column.missing_words && <p class="soft">{Object.keys(column.missing_words).map(word => `“${word}”`).join(", ")}</p>}
      </td>
      <td role="cell">
        <Content column={column} />
      </td>
    </tr>
  );
}

function Content({ column }: { column: DescribedColumn }) {
  const { range, histogram, values, distinct } = column;
  const write = (edge: number | string) => (typeof edge === "number" ? number(edge) : day(edge));
  if (histogram && range)
    return (
      <>
        <Histogram title={`How ${column.name} is spread`} edges={histogram.edges} counts={histogram.counts} write={write} />
        <p class="soft">
          {write(range[0])} to {write(range[1])}
          {column.mean !== undefined && `, on average ${number(column.mean)}`}
          {distinct !== undefined && distinct <= 20 && `, ${many(distinct, "value")}`}
        </p>
      </>
    );
  if (values?.length) {
    const most = [...values].sort((a, b) => b.rows - a.rows).slice(0, MOST_BARS);
    const whole = most[0]?.rows === 1 && (distinct ?? 0) > MOST_BARS;
    const some = most.slice(0, 3).map(each => String(each.value)).join(", ");
    if (whole) return <p class="soft">{many(distinct ?? 0, "different value")}, such as {some}</p>;
    return (
      <>
        <Bars title="" bars={most.map(each => ({ name: String(each.value), value: each.rows }))} of="Value" figure="Rows" write={count} />
        {(distinct ?? 0) > most.length && <p class="soft">and {many((distinct ?? 0) - most.length, "other")}</p>}
      </>
    );
  }
  return null;
}

/** A day as the reader writes it; a time of day only where there is one. */
function day(written: string): string {
  const whole = /^\d{4}-\d\d-\d\d$/.test(written);
  if (!whole) return /^\d{4}-\d\d-\d\dT/.test(written) ? moment(written) : written;
  return new Date(`${written}T00:00:00`).toLocaleDateString(undefined, { dateStyle: "medium" });
}

/** How a column was read, where that is no matter of course. */
export function inWords(read: Record<string, unknown>): string {
  const told: string[] = [];
  if (read["date"]) told.push(`dates with ${DATES[String(read["date"])] ?? String(read["date"])}`);
  if (read["decimal"] && read["decimal"] !== ".") told.push(`decimals after “${String(read["decimal"])}”`);
  if (read["thousands"]) told.push(`thousands parted by “${String(read["thousands"])}”`);
  if (read["unit"]) told.push(`in ${String(read["unit"])}`);
  for (const name of ["true", "false"]) if (Array.isArray(read[name])) told.push(`${name} is ${read[name].join(" or ")}`);
  return told.join(", ");
}
