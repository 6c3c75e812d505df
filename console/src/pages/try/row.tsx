// A row of a table: a field for each column.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { against, member } from "../../parts/faults.ts";
import { Field } from "../../parts/field.tsx";
import { count, date, number, share } from "../../parts/format.ts";
import { matching } from "../../parts/names.ts";
import { sentence } from "../../parts/states.tsx";
import type { Fault } from "../../service.ts";
import { FIELD, kindOf, mayBeMissing, OTHER, wordsOf, type Columns, type Written } from "./values.ts";
import type { ColumnSchema, Profile } from "../../answers.ts";

/** Of so many columns all have a field at once. */
export const MOST_FIELDS = 80;
const FEW_FIELDS = 24;

export function Row({ columns, first, row, write, profile, faults }: {
  columns: Columns;
  /** The columns that matter most, where they are known. */
  first: string[];
  row: Written;
  write: (row: Written) => void;
  profile: Profile | undefined;
  faults: Fault[];
}) {
  const names = Object.keys(columns);
  const seen = new Map(profile?.columns.map(each => [each.column, each]));
  const field = (name: string) => {
    const column = columns[name] as ColumnSchema;
    const set = (value: string) => write({ ...row, [name]: value });
    return (
      <Field key={name} label={name} hint={hintOf(column, seen.get(name))} faults={against(faults, member(FIELD, name)).map(said)}>
        {given => <One column={column} given={given} value={row[name] ?? ""} set={set} />}
      </Field>
    );
  };
  if (names.length > MOST_FIELDS) return <Many names={names} first={first} row={row} write={write} faults={faults} field={field} />;
  return <div class="fields">{names.map(field)}</div>;
}

const said = (message: string): string => (message.endsWith(", got null") ? "A value is needed here." : sentence(message));

function hintOf(column: ColumnSchema, seen: Profile["columns"][number] | undefined): string {
  const said: string[] = [];
  const bins = seen?.bins ?? [];
  const all = bins.reduce((sum, each) => sum + each.count, 0);
  const [low, high] = [bins[0]?.to, bins.at(-1)?.from];
  if (bins.length > 2 && seen?.kind !== "boolean" && typeof low === typeof high) {
    const within = bins.slice(1, -1).reduce((sum, each) => sum + each.count, 0) / all;
    const written = (value: unknown) => (typeof value === "number" ? number(value) : date(String(value)));
    said.push(`in training ${share(within)} were ${written(low)} to ${written(high)}`);
  }
  // Where there is a choice, that it is missing is one of them.
  const chosen = kindOf(column) === "boolean" || (kindOf(column) === "words" && wordsOf(column).length > 0);
  if (mayBeMissing(column) && !chosen) said.push("empty is missing");
  return said.length ? sentence(said.join("; ")) : "";
}

function One({ column, given, value, set }: { column: ColumnSchema; given: object; value: string; set: (value: string) => void }) {
  const kind = kindOf(column);
  const words = wordsOf(column);
  const changed = (event: { currentTarget: { value: string } }) => set(event.currentTarget.value);
  const missing = mayBeMissing(column) && <option value="">(missing)</option>;
  if (kind === "number") return <input {...given} inputMode="decimal" autocomplete="off" value={value} onInput={changed} />;
  if (kind === "boolean")
    return (
      <select {...given} value={value} onChange={changed}>
        {missing}
        <option value="true">true</option>
        <option value="false">false</option>
      </select>
    );
  if (kind === "date" && /^\d{4}-\d\d-\d\d$/.test(words[0] ?? "2000-01-01")) return <input {...given} type="date" value={value} onInput={changed} />;
  if (!words.length || kind === "date") return <input {...given} autocomplete="off" placeholder={words[0]} value={value} onInput={changed} />;
  const other = value.startsWith(OTHER) || (value !== "" && !words.includes(value));
  return (
    <>
      <select {...given} value={other ? OTHER : value} onChange={changed}>
        {missing}
        {words.map(word => <option key={word} value={word}>{word}</option>)}
        {!column.enum && <option value={OTHER}>another …</option>}
      </select>
      {other && <input aria-label="Another word" autocomplete="off" value={value.replace(OTHER, "")} onInput={event => set(OTHER + event.currentTarget.value)} />}
    </>
  );
}

/** Of very many columns some are shown: those at fault, then those that matter most, or that somebody looks for. */
function Many({ names, first, row, write, faults, field }: {
  names: string[];
  first: string[];
  row: Written;
  write: (row: Written) => void;
  faults: Fault[];
  field: (name: string) => ComponentChildren;
}) {
  const [sought, seek] = useState("");
  const [most, setMost] = useState(FEW_FIELDS);
  const wrong = names.filter(name => against(faults, member(FIELD, name)).length > 0);
  // What was wrong stays while somebody mends it, though it is so no more with the first sign that they type.
  const pinned = useRef<string[]>([]);
  if (wrong.length) pinned.current = wrong;
  const ordered = [...new Set([...first.filter(name => names.includes(name)), ...names])];
  const found = [...new Set([...pinned.current, ...matching(ordered, sought)])];
  return (
    <>
      <Field label="Find a column" hint={
        <>{count(names.length)} columns. {first.length > 0 && "Those that matter most come first."} What you leave as it is is usual in training.</>
      }>
        {given => (
          <input {...given} type="search" autocomplete="off" spellcheck={false} value={sought}
            onInput={event => {
              // Whoever looks for a column has not mended what was found wrong.
              event.stopPropagation();
              pinned.current = wrong;
              seek(event.currentTarget.value);
            }}
            onKeyDown={event => event.key === "Enter" && event.preventDefault()} />
        )}
      </Field>
      {!found.length && <p class="soft">No column is called so.</p>}
      <div class="fields">{found.slice(0, most).map(field)}</div>
      {found.length > most && (
        <button type="button" class="second" onClick={() => setMost(most + FEW_FIELDS)}>Show more of {count(found.length)} columns</button>
      )}
      <details>
        <summary>The whole row as text</summary>
        <Pasted names={names} row={row} write={write} />
      </details>
    </>
  );
}

function Pasted({ names, row, write }: { names: string[]; row: Written; write: (row: Written) => void }) {
  const lines = names.map(name => `${name}\t${(row[name] ?? "").replace(OTHER, "")}`).join("\n");
  const read = (text: string) => {
    const cells = text.split("\n").map(line => line.split("\t"));
    write(Object.fromEntries(cells.map(([name = "", value = ""]) => [name, value])));
  };
  return (
    <Field label={`The row: ${count(names.length)} columns`} hint="A column a line: its name, a tab, its value. Empty is missing.">
      {given => (
        <textarea {...given} key={lines} rows={14} spellcheck={false} defaultValue={lines} onChange={event => read(event.currentTarget.value)} />
      )}
    </Field>
  );
}
