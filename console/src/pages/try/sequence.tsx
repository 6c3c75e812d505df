// A sequence of steps, as lines of numbers.
import { Field } from "../../parts/field.tsx";
import { sentence } from "../../parts/states.tsx";
import { FIELD } from "./values.ts";
import type { Fault } from "../../service.ts";

/** `…[1][0]` is the second step's first number: said with the line as people count. */
function placed({ path, message }: Fault): string {
  const [line, column] = [...path.slice(FIELD.length).matchAll(/\[(\d+)\]/g)].map(each => Number(each[1]) + 1);
  return sentence(`${line ? `step ${line}${column ? `, number ${column}` : ""}: ` : ""}${message}`);
}

export function Sequence({ names, text, type, faults }: { names: string[]; text: string; type: (text: string) => void; faults: Fault[] }) {
  return (
    <Field label="Steps" hint={`A step a line, the earliest first: ${names.join(", ")}. Numbers with a comma, a space or a tab between.`} faults={faults.map(placed)}>
      {given => <textarea {...given} rows={8} spellcheck={false} value={text} onInput={event => type(event.currentTarget.value)} />}
    </Field>
  );
}
