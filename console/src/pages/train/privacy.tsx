// The fields of a private training: how private, and what is said of the columns because it is not looked up.
import type { DescribedColumn } from "../../answers.ts";
import { against, member } from "../../parts/faults.ts";
import { Field } from "../../parts/field.tsx";
import type { Fault } from "../../service.ts";
import { DELTA, isNumber, type Choice } from "./request.ts";

const PLACE = "$.privacy";

export function Privately({ choice, choose, columns, faults, supervised }: {
  choice: Choice;
  choose: (changed: Partial<Choice>) => void;
  columns: DescribedColumn[];
  faults: Fault[];
  supervised: boolean;
}) {
  const others = columns.filter(column => !supervised || column.name !== choice.target);
  return (
    <details open={choice.epsilon !== "" || faults.some(fault => fault.path.startsWith(PLACE))}>
      <summary>Privately</summary>
      <p class="soft">
        Whether any one row was trained on cannot be told from the version, but for what epsilon and delta allow. Whatever would be looked up
        in the rows is said here, from what you know of the columns and not from these rows. A column of which nothing is said is not
        trained on.
      </p>
      <div class="fields">
        <Field label="Epsilon" hint="The smaller, the more private, and the less accurate. Without it the training is not private."
          faults={against(faults, `${PLACE}.epsilon`)}>
          {given => (
            <input {...given} inputMode="decimal" autocomplete="off" placeholder="such as 1" value={choice.epsilon}
              onInput={event => choose({ epsilon: event.currentTarget.value })} />
          )}
        </Field>
        {choice.epsilon !== "" && (
          <Field label="Delta" hint="How probably epsilon may not hold: well below 1 of the number of rows."
            faults={against(faults, `${PLACE}.delta`)}>
            {given => (
              <input {...given} inputMode="decimal" autocomplete="off" placeholder={DELTA} value={choice.delta}
                onInput={event => choose({ delta: event.currentTarget.value })} />
            )}
          </Field>
        )}
        {choice.epsilon !== "" && supervised && (
          <Field label="All classes" hint="Between commas. Rows of others are left out." faults={against(faults, `${PLACE}.classes`)}>
            {given => (
              <input {...given} required autocomplete="off" placeholder="no, yes" value={choice.classes}
                onInput={event => choose({ classes: event.currentTarget.value })} />
            )}
          </Field>
        )}
        {choice.epsilon !== "" && others.map(column => (isNumber(column) ? (
          <Ends key={column.name} name={column.name} ends={choice.bounds[column.name] ?? ["", ""]}
            write={ends => choose({ bounds: { ...choice.bounds, [column.name]: ends } })}
            faults={against(faults, member(`${PLACE}.bounds`, column.name))} />
        ) : (
          <Field key={column.name} label={`Words of ${column.name}`} hint="Between commas."
            faults={against(faults, member(`${PLACE}.categories`, column.name))}>
            {given => (
              <input {...given} autocomplete="off" value={choice.words[column.name] ?? ""}
                onInput={event => choose({ words: { ...choice.words, [column.name]: event.currentTarget.value } })} />
            )}
          </Field>
        )))}
      </div>
    </details>
  );
}

/** The least and the greatest number of a column. */
function Ends({ name, ends: [least, greatest], write, faults }: {
  name: string;
  ends: [string, string];
  write: (ends: [string, string]) => void;
  faults: string[];
}) {
  return (
    <Field label={`${name}: least and greatest`} faults={faults}>
      {given => (
        <span class="row">
          <input {...given} aria-label={`Least ${name}`} inputMode="decimal" autocomplete="off" size={8} placeholder="least" value={least}
            onInput={event => write([event.currentTarget.value, greatest])} />
          <input aria-label={`Greatest ${name}`} inputMode="decimal" autocomplete="off" size={8} placeholder="greatest" value={greatest}
            onInput={event => write([least, event.currentTarget.value])} />
        </span>
      )}
    </Field>
  );
}
