// One thing that is asked for: its label, where it is written, a word on it, and what is wrong with it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { sentence } from "./states.tsx";

/** What an input of a field carries: `<input {...given} …>`. */
export interface Given {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

export function Field({ label, hint, faults = [], children }: {
  label: ComponentChildren;
  hint?: ComponentChildren;
  faults?: string[];
  children: (given: Given) => ComponentChildren;
}) {
  const id = useId();
  const said = [hint ? `${id}-hint` : "", faults.length ? `${id}-fault` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(said && { "aria-describedby": said }), ...(faults.length && { "aria-invalid": true as const }) })}
      {hint && <p class="soft" id={`${id}-hint`}>{hint}</p>}
      {faults.length > 0 && (
        <div class="bad" id={`${id}-fault`} role="alert">
          {faults.map(fault => <p key={fault}>{sentence(fault)}</p>)}
        </div>
      )}
    </div>
  );
}
