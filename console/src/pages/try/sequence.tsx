// A sequence of steps, as lines of numbers.
import { Field } from "../../parts/field.tsx";
import { sentence } from "../../parts/states.tsx";
import type { Fault } from "../../service.ts";

/** Lines of numbers as steps; what is no number stays text, for the service to say so. */
export const stepsOf = (text: string): unknown[][] =>
  text.split("\n").filter(line => line.trim()).map(line =>
    line.trim().split(/[\s,;]+/).filter(Boolean).map(cell => (Number.isFinite(Number(cell)) ? Number(cell) : cell)));

/** `[1][0]` is the second step's first number: said with the line as people count. */
function placed({ path, message }: Fault): string {
  const [line, column] = [...path.matchAll(/\[(\d+)\]/g)].map(each => Number(each[1]) + 1);
  return sentence(`${line ? `step ${line}${column ? `, number ${column}` : ""}: ` : ""}${message}`);
}

export function Sequence({ names, text, type, faults }: { names: string[]; text: string; type: (text: string) => void; faults: Fault[] }) {
  return (
    <Field label="Steps" hint={`A step a line, the earliest first: ${names.join(", ")}. Numbers with a comma, a space or a tab between.`} faults={faults.map(placed)}>
      {given => <textarea {...given} rows={8} spellcheck={false} value={text} onInput={event => type(event.currentTarget.value)} />}
    </Field>
  );
}
