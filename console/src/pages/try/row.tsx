// A row of a table: a field for each column.
import { Field } from "../../parts/field.tsx";
import { date, number, share } from "../../parts/format.ts";
import { sentence } from "../../parts/states.tsx";
import type { Fault } from "../../service.ts";
import type { ColumnSchema, Profile } from "../../answers.ts";

type Columns = Record<string, ColumnSchema>;
/** What stands in each field. */
export type Written = Record<string, string>;

const MOST_FIELDS = 80;
// Before what was typed where none of the words was chosen.
const OTHER = "\u0000";

type Kind = "number" | "boolean" | "date" | "words";

const types = (column: ColumnSchema): string[] => (Array.isArray(column.type) ? column.type : [column.type]);
const mayBeMissing = (column: ColumnSchema): boolean => types(column).includes("null");

function kindOf(column: ColumnSchema): Kind {
  const all = types(column);
  if (all.includes("number") || all.includes("integer")) return "number";
  if (all.includes("boolean")) return "boolean";
  return column.description?.startsWith("a date") ? "date" : "words";
}

const wordsOf = (column: ColumnSchema): string[] => (column.enum ?? column.examples ?? []).filter(each => each !== null).map(String);

/** Something sensible to begin with: what is most usual in training, as far as this key may know it. */
export function startOf(columns: Columns, profile: Profile | undefined): Written {
  const seen = new Map(profile?.columns.map(each => [each.column, each]));
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => {
      const { bins = [], words = [] } = seen.get(name) ?? {};
      const middle = bins[Math.floor(bins.length / 2)]?.mean;
      const kind = kindOf(column);
      if (kind === "number") return [name, typeof middle === "number" ? String(Number(middle.toPrecision(3))) : mayBeMissing(column) ? "" : "0"];
      if (kind === "boolean") return [name, mayBeMissing(column) ? "" : "true"];
      if (kind === "date") return [name, typeof middle === "string" ? middle.slice(0, 10) : (wordsOf(column)[0] ?? "")];
      return [name, words[0]?.word ?? wordsOf(column)[0] ?? ""];
    }),
  );
}

/** The row as it is sent: empty is missing, and a number that is none goes as it was written, for the service to judge. */
export function rowOf(columns: Columns, row: Written): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => {
      const written = (row[name] ?? "").replace(OTHER, "");
      const text = written.trim();
      const kind = kindOf(column);
      if (text === "") return [name, kind === "words" && !mayBeMissing(column) ? "" : null];
      if (kind === "number") return [name, Number.isFinite(Number(text)) ? Number(text) : text];
      return [name, kind === "boolean" ? text === "true" : written];
    }),
  );
}

export function Row({ columns, row, write, profile, faults, isOf }: {
  columns: Columns;
  row: Written;
  write: (row: Written) => void;
  profile: Profile | undefined;
  faults: Fault[];
  isOf: (path: string, name: string) => boolean;
}) {
  const names = Object.keys(columns);
  const seen = new Map(profile?.columns.map(each => [each.column, each]));
  if (names.length > MOST_FIELDS) return <Pasted names={names} row={row} write={write} faults={faults} />;
  return (
    <div class="fields">
      {names.map(name => {
        const column = columns[name] as ColumnSchema;
        const set = (value: string) => write({ ...row, [name]: value });
        return (
          <Field key={name} label={name} hint={hintOf(column, seen.get(name))} faults={faults.filter(each => isOf(each.path, name)).map(each => (each.message.endsWith(", got null") ? "A value is needed here." : sentence(each.message)))}>
            {given => <One column={column} given={given} value={row[name] ?? ""} set={set} />}
          </Field>
        );
      })}
    </div>
  );
}

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

/** Of very many columns the row is one text, for nobody fills in so many fields. */
function Pasted({ names, row, write, faults }: { names: string[]; row: Written; write: (row: Written) => void; faults: Fault[] }) {
  const lines = names.map(name => `${name}\t${row[name] ?? ""}`).join("\n");
  const read = (text: string) => write(Object.fromEntries(text.split("\n").map(line => line.split("\t")).map(([name = "", value = ""]) => [name, value])));
  return (
    <Field label={`The row: ${number(names.length)} columns`} hint="A column a line: its name, a tab, its value. Empty is missing."
      faults={faults.slice(0, 10).map(each => `${each.path}: ${each.message}`)}>
      {given => <textarea {...given} rows={14} spellcheck={false} defaultValue={lines} onChange={event => read(event.currentTarget.value)} />}
    </Field>
  );
}
