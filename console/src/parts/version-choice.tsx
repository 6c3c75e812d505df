// Which version: one of those that are listed, or of very many any by its number.
import type { Given } from "./field.tsx";

/** Whether `versions` are all is told by `all`; else a number is written, up to the `newest`. */
export function VersionChoice({ given, versions, all, newest, value, choose }: {
  given: Given;
  versions: number[];
  all: boolean;
  newest: number;
  value: number | undefined;
  /** Hears NaN where nothing is written. */
  choose: (version: number) => void;
}) {
  if (all)
    return (
      <select {...given} value={value} onChange={event => choose(Number(event.currentTarget.value))}>
        {versions.map(version => <option key={version} value={version}>Version {version}</option>)}
      </select>
    );
  return (
    <input {...given} type="number" inputMode="numeric" min={1} max={newest} step={1} required value={value || ""}
      onInput={event => choose(event.currentTarget.valueAsNumber)} />
  );
}
