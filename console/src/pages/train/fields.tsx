// The fields of a training that belong together: what it learns from, and which rows are held out.
import type { DescribedColumn } from "../../answers.ts";
import { against } from "../../parts/faults.ts";
import { Field } from "../../parts/field.tsx";
import type { Fault } from "../../service.ts";
import { isOrdered, mayBeGroup, mayBeText, type Choice, type Kind } from "./request.ts";

interface Chosen {
  choice: Choice;
  choose: (changed: Partial<Choice>) => void;
  columns: DescribedColumn[];
  faults: Fault[];
}

/** One column of some; without one that `none` stands for, a choice is demanded. */
export function Pick({ label, hint, from, value, pick, faults, none }: {
  label: string;
  hint?: string;
  from: DescribedColumn[];
  value: string;
  pick: (name: string) => void;
  faults: string[];
  none?: string;
}) {
  const there = from.some(column => column.name === value) ? value : "";
  return (
    <Field label={label} hint={hint} faults={faults}>
      {given => (
        <select {...given} required={none === undefined} value={there} onChange={event => pick(event.currentTarget.value)}>
          <option value="">{none ?? "choose a column"}</option>
          {from.map(column => <option key={column.name} value={column.name}>{column.name}</option>)}
        </select>
      )}
    </Field>
  );
}

const KINDS: Partial<Record<Kind, string>> = {
  text: "a column of texts",
  steps: "sequences, a row for each step",
  pixels: "pictures, a column for each pixel",
};

/** What is asked where a table is taken for more than a table. */
export function LearnsFrom({ choice, choose, columns, faults, kinds }: Chosen & { kinds: Kind[] }) {
  const texts = columns.filter(column => mayBeText(column) && column.name !== choice.target);
  return (
    <>
      {kinds.length > 1 && (
        <Field label="What it learns from">
          {given => (
            <select {...given} value={choice.kind} onChange={event => choose({ kind: event.currentTarget.value })}>
              {kinds.map(each => <option key={each} value={each}>{KINDS[each]}</option>)}
            </select>
          )}
        </Field>
      )}
      {choice.kind === "text" && (
        <Pick label="Column of texts" hint="Each row is a text." from={texts} value={choice.text} pick={text => choose({ text })}
          faults={against(faults, "$.data.text")} />
      )}
      {choice.kind === "steps" && (
        <>
          <Pick label="Column that names the sequence" hint="Rows of one value are the steps of one sequence." from={columns} value={choice.id}
            pick={id => choose({ id })} faults={against(faults, "$.data.sequence.id")} />
          <Pick label="Steps are in the order of" from={columns.filter(isOrdered)} value={choice.order} none="the rows of the file"
            pick={order => choose({ order })} faults={against(faults, "$.data.sequence.order")} />
        </>
      )}
      {choice.kind === "pixels" && <Shape choice={choice} choose={choose} faults={faults} required />}
    </>
  );
}

export function Shape({ choice, choose, faults, required }: Omit<Chosen, "columns"> & { required: boolean }) {
  return (
    <Field label="Height, width and channels" hint="Such as 28, 28, 1." faults={against(faults, "$.data.image")}>
      {given => (
        <input {...given} required={required} pattern="\d+ *, *\d+ *, *\d+" value={choice.image}
          onInput={event => choose({ image: event.currentTarget.value })} />
      )}
    </Field>
  );
}

const SPLITS: Record<string, string> = {
  random: "Of each class its share, where there are classes.",
  time: "The model is tested on what came last.",
  group: "Rows of one group stay together.",
};

/** How many rows are held out to test, and of a table which. */
export function HeldOut({ choice, choose, columns, faults }: Chosen) {
  const { by, splitColumn } = choice;
  return (
    <>
      <Field label="Share of rows held out to test" hint="From 0 to 0.9." faults={against(faults, "$.test_fraction")}>
        {given => (
          <input {...given} inputMode="decimal" placeholder="0.2" autocomplete="off" value={choice.fraction}
            onInput={event => choose({ fraction: event.currentTarget.value })} />
        )}
      </Field>
      {columns.length > 0 && (
        <Field label="Which rows are held out" hint={SPLITS[by]} faults={by === "random" ? against(faults, "$.split") : []}>
          {given => (
            <select {...given} value={by} onChange={event => choose({ by: event.currentTarget.value, splitColumn: "" })}>
              <option value="random">at random</option>
              <option value="time">the latest</option>
              <option value="group">whole groups</option>
            </select>
          )}
        </Field>
      )}
      {by !== "random" && (
        <Pick label={by === "time" ? "By the time in" : "By the groups in"} from={columns.filter(by === "time" ? isOrdered : mayBeGroup)}
          value={splitColumn} pick={name => choose({ splitColumn: name })} faults={against(faults, "$.split")} />
      )}
    </>
  );
}
