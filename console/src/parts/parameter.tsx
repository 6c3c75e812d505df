// A hyperparameter as its JSON Schema describes it: a choice, a number, or what is written as JSON.
import type { ParameterSchema } from "../answers.ts";
import { Field, type Given } from "./field.tsx";
import { words } from "./format.ts";
import { sentence } from "./states.tsx";

/** What is written in a field stays text until it is sent; empty is the default. */
export function Parameter({ name, schema, written, write, faults }: {
  name: string;
  schema: ParameterSchema;
  written: string;
  write: (text: string) => void;
  faults: string[];
}) {
  const choices = choicesOf(schema);
  return (
    <Field label={words(name)} hint={schema.description && sentence(schema.description)} faults={faults}>
      {given =>
        choices ? (
          <select {...given} value={written} onChange={event => write(event.currentTarget.value)}>
            <option value="">{shown(schema.default)} (default)</option>
            {choices.filter(each => shown(each) !== shown(schema.default)).map(each => (
              <option key={shown(each)} value={JSON.stringify(each)}>{shown(each)}</option>
            ))}
          </select>
        ) : (
          <Written given={given} schema={schema} written={written} write={write} />
        )
      }
    </Field>
  );
}

function choicesOf(schema: ParameterSchema): unknown[] | null {
  if (schema.enum) return schema.enum;
  if (schema.type === "boolean") return [true, false];
  return null;
}

function Written({ given, schema, written, write }: {
  given: Given;
  schema: ParameterSchema;
  written: string;
  write: (text: string) => void;
}) {
  const suggested = suggestions(schema);
  const shared = {
    ...given, value: written, placeholder: shown(schema.default), autocomplete: "off", spellcheck: false,
    inputMode: schema.type === "integer" ? "numeric" : schema.type === "number" ? "decimal" : "text",
    onInput: (event: { currentTarget: HTMLInputElement }) => write(event.currentTarget.value),
  } as const;
  if (!suggested.length) return <input {...shared} />;
  const words = `${given.id}-words`;
  return (
    <>
      <input {...shared} list={words} />
      <datalist id={words}>{suggested.map(each => <option key={each} value={each} />)}</datalist>
    </>
  );
}

/** The words that a field takes beside what else it takes, as they are written there. */
export const suggestions = (schema: ParameterSchema): string[] =>
  (schema.anyOf ?? []).flatMap(each => each.enum ?? []).filter(each => each !== schema.default).map(String);

const shown = (value: unknown): string => {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
};

/** What was written as a value: `32, 64` where a list is meant, else JSON, else the words as they are. */
export function valueOf(written: string, schema: ParameterSchema): unknown {
  const text = written.trim();
  const list = schema.type === "array" && !text.startsWith("[");
  try {
    return JSON.parse(list ? `[${text}]` : text) as unknown;
  } catch {
    return text;
  }
}
