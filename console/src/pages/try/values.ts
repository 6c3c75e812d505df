// What stands in the form, and what of it is sent.
import type { ColumnSchema, ModelInput, Profile } from "../../answers.ts";

/** Where the service finds fault with what is sent. */
export const FIELD = "$.instances[0]";

export type Columns = Record<string, ColumnSchema>;
/** What stands in each field. */
export type Written = Record<string, string>;

// Before what was typed where none of the words was chosen.
export const OTHER = "\u0000";

type Kind = "number" | "boolean" | "date" | "words";

const types = (column: ColumnSchema): string[] => (Array.isArray(column.type) ? column.type : [column.type]);
export const mayBeMissing = (column: ColumnSchema): boolean => types(column).includes("null");

export function kindOf(column: ColumnSchema): Kind {
  const all = types(column);
  if (all.includes("number") || all.includes("integer")) return "number";
  if (all.includes("boolean")) return "boolean";
  return column.description?.startsWith("a date") ? "date" : "words";
}

export const wordsOf = (column: ColumnSchema): string[] => (column.enum ?? column.examples ?? []).filter(each => each !== null).map(String);

/** Something sensible to begin with: what is most usual in training, as far as this key may know it. */
export function startOf(columns: Columns, profile: Profile | undefined): Written {
  const seen = new Map(profile?.columns.map(each => [each.column, each]));
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => {
      const { bins = [], words = [] } = seen.get(name) ?? {};
      const middle = bins[Math.floor(bins.length / 2)]?.mean;
      const [low, high] = [bins[0]?.to, bins.at(-1)?.from];
      const kind = kindOf(column);
      if (kind === "number") return [name, typeof middle === "number" ? usual(middle, Number(high ?? NaN) - Number(low ?? NaN)) : mayBeMissing(column) ? "" : "0"];
      const most = [...bins].sort((one, other) => other.count - one.count)[0]?.mean;
      if (kind === "boolean") return [name, most !== undefined ? String(Number(most) >= 0.5) : mayBeMissing(column) ? "" : "true"];
      if (kind === "date") return [name, typeof middle === "string" ? middle.slice(0, 10) : (wordsOf(column)[0] ?? "")];
      return [name, words[0]?.word ?? wordsOf(column)[0] ?? ""];
    }),
  );
}

/** A number with as many digits as say something where most of its like are within `span`. */
function usual(value: number, span: number): string {
  if (!(span > 0)) return String(Number(value.toPrecision(3)));
  return String(Number(value.toFixed(Math.min(20, Math.max(0, Math.ceil(1 - Math.log10(span)))))));
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

/** Lines of numbers as steps; what is no number stays text, for the service to say so. */
export const stepsOf = (text: string): unknown[][] =>
  text.split("\n").filter(line => line.trim()).map(line =>
    line.trim().split(/[\s,;]+/).filter(Boolean).map(cell => (Number.isFinite(Number(cell)) ? Number(cell) : cell)));

/** Pixels row by row, their channels together, each from 0 to 255. */
export interface Drawn {
  height: number;
  width: number;
  channels: number;
  pixels: Uint8ClampedArray;
}

export function begun(input: ModelInput | undefined): Drawn {
  const [height = 1, width = 1, channels = 1] = input?.shape ?? [];
  return { height, width, channels, pixels: new Uint8ClampedArray(height * width * channels) };
}

/** Bright for dark; how opaque a pixel is, where a channel says that, stays as it is. */
export function inverted(before: Drawn): Drawn {
  const opacity = before.channels % 2 === 0 ? before.channels - 1 : -1;
  return { ...before, pixels: before.pixels.map((value, place) => (place % before.channels === opacity ? value : 255 - value)) };
}

/** A picture as it is sent, in the numbers that training has seen: darkest is the least of them, brightest the largest. */
export function instanceOf({ height, width, channels, pixels }: Drawn, input: ModelInput | undefined): unknown {
  const { bytes = true, range = [0, 255] } = input?.numbers ?? {};
  const scaled = (value: number) => range[0] + (value / 255) * (range[1] - range[0]);
  if (bytes) return { b64: btoa(Array.from(pixels, value => String.fromCharCode(Math.round(scaled(value)))).join("")), dtype: "uint8" };
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) =>
      Array.from({ length: channels }, (_, c) => Number(scaled(pixels[(y * width + x) * channels + c] ?? 0).toFixed(4)))));
}
