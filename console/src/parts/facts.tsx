// What is known of something: a name and a value each.
import type { ComponentChildren } from "preact";

export type Fact = [name: string, value: ComponentChildren];

/** A list of facts; those whose value is null, undefined or empty are left out. */
export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl class="known">
      {facts.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A value that somebody chose, as text. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
