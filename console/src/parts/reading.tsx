// What is said of a file as a whole: how its cells, numbers and dates are written.
import type { ReadOptions } from "../answers.ts";
import type { Fault } from "../service.ts";
import { against } from "./faults.ts";
import { Field } from "./field.tsx";
import { LABELS } from "./labels.ts";

const DELIMITERS: [string, string][] = [[",", "comma"], [";", "semicolon"], ["\t", "tab"], ["|", "bar"]];
const DECIMALS: [string, string][] = [[".", "point"], [",", "comma"]];
const THOUSANDS: [string, string][] = [[",", "comma"], [".", "point"], [" ", "space"], ["'", "apostrophe"]];
const TRUTH: [string, string][] = [["true", "yes"], ["false", "no"]];
const DAYS: [string, string][] = [["true", "the day first"], ["false", "the month first"]];

export function Reading({ options, say, read, faults, open = false }: {
  options: ReadOptions;
  say: (options: ReadOptions) => void;
  read: Record<string, unknown>;
  faults: Fault[];
  open?: boolean;
}) {
  const set = <K extends keyof ReadOptions>(name: K, value: ReadOptions[K] | undefined) => {
    const { [name]: _, ...rest } = options;
    say(value === undefined ? rest : { ...rest, [name]: value });
  };
  const guess = (name: string, choices: [string, string][]) => {
    const found = choices.find(([value]) => value === String(read[name]));
    return found ? `${found[1]} (a guess)` : "as guessed";
  };
  const chosen = (name: "decimal" | "thousands" | "delimiter" | "dayfirst" | "header", choices: [string, string][]) => (
    <Field label={LABELS[name]} faults={against(faults, `$.${name}`)}>
      {given => (
        <select {...given} value={options[name] === undefined ? "" : String(options[name])}
          onChange={event => {
            const { value } = event.currentTarget;
            const truth = name === "dayfirst" || name === "header";
            set(name, (value === "" ? undefined : truth ? value === "true" : value) as never);
          }}>
          <option value="">{guess(name, choices)}</option>
          {choices.map(([value, words]) => <option key={value} value={value}>{words}</option>)}
        </select>
      )}
    </Field>
  );
  const said = Object.keys(options).length > 0;
  return (
    <details open={open || faults.some(fault => !/^\$\.(types|exclude)\b/.test(fault.path))}>
      <summary>How the file is read</summary>
      <div class="fields">
        {chosen("delimiter", DELIMITERS)}
        {chosen("header", TRUTH)}
        {chosen("decimal", DECIMALS)}
        {chosen("thousands", THOUSANDS)}
        {chosen("dayfirst", DAYS)}
        <Field label={LABELS.encoding} faults={against(faults, "$.encoding")}>
          {given => (
            <input {...given} value={options.encoding ?? ""} placeholder={String(read["encoding"] ?? "utf-8")} maxLength={40}
              spellcheck={false} onChange={event => set("encoding", event.currentTarget.value.trim() || undefined)} />
          )}
        </Field>
        <Field label={LABELS.missing} hint="Parted by commas, in the place of the usual ones."
          faults={against(faults, "$.missing")}>
          {given => (
            <input {...given} value={options.missing?.join(", ") ?? ""} placeholder="NA, null, …" spellcheck={false}
              onChange={event => {
                const words = event.currentTarget.value.split(",").map(word => word.trim()).filter(Boolean);
                set("missing", words.length ? words : undefined);
              }} />
          )}
        </Field>
      </div>
      {said && <button type="button" class="second" onClick={() => say({})}>Back to the guesses</button>}
    </details>
  );
}
