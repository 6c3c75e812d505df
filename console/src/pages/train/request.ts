// What is trained on what: which algorithms take a dataset, which column is meant, and the request that says so.
import type { Algorithm, Dataset, DescribedColumn, Description, Job, ParameterSchema, ReadOptions } from "../../answers.ts";
import { share } from "../../parts/format.ts";
import { valueOf } from "../../parts/parameter.tsx";

/** As what data is learnt from; the last three are what else a table may be taken for. */
export type Kind = "table" | "pictures" | "sequences" | "text" | "steps" | "pixels";

/** What somebody chose; texts stay as they were written until they are sent. */
export interface Choice {
  model: string;
  algorithm: string;
  target: string;
  kind: string;
  /** The columns of a text, or of a sequence's name and order; and the shape of pictures. */
  text: string;
  id: string;
  order: string;
  image: string;
  hyperparameters: Record<string, string>;
  fraction: string;
  by: string;
  splitColumn: string;
  /** Of a private training; without an epsilon it is none. */
  epsilon: string;
  delta: string;
  /** The least and greatest of a column of numbers, and the words of another, as they are written. */
  bounds: Record<string, [string, string]>;
  words: Record<string, string>;
  classes: string;
}

const FEWEST_PIXELS = 49;
const MOST_CLASSES = 30;
const TELLING = /^(target|label|class|outcome|species|diagnosis|survived|churn(ed)?|result|verdict|y)$/i;

export const isNumber = (column: DescribedColumn): boolean => column.type === "number" || column.type === "integer";
export const isOrdered = (column: DescribedColumn): boolean => isNumber(column) || column.type === "date";
export const mayBeGroup = (column: DescribedColumn): boolean => ["category", "integer", "boolean", "date"].includes(column.type);
export const mayBeText = (column: DescribedColumn): boolean =>
  column.type === "text" || (column.type === "category" && (column.distinct ?? 0) > 20);
/** A class is seen in several rows; what is another one in most rows is a quantity, a name or a text. */
export const mayBeTarget = (column: DescribedColumn, rows = Infinity): boolean =>
  ["category", "boolean", "integer"].includes(column.type) && (column.distinct ?? 0) > 1 && 2 * (column.distinct ?? 0) <= rows;

/** Words that hardly come twice are more likely texts than names of something. */
export const isText = (column: DescribedColumn, rows = 0): boolean =>
  column.type === "text" || (mayBeText(column) && 2 * (column.distinct ?? 0) > rows - column.missing);

/** As what an algorithm may take the data, the likeliest first; nothing where it does not. */
export function kindsOf(algorithm: Algorithm, { kind, rows, columns = [] }: Description): Kind[] {
  const takes = (each: string) => algorithm.takes.includes(each);
  if (kind) return takes(kind === "pictures" ? "image" : "sequence") ? [kind] : [];
  if (takes("table")) return ["table"];
  const numbers = columns.filter(isNumber).length;
  const found: Kind[] = [];
  if (takes("sequence") && numbers > 1) found.push("steps");
  if (takes("text") && columns.some(mayBeText)) found[columns.some(column => isText(column, rows)) ? "unshift" : "push"]("text");
  if (takes("image") && numbers >= FEWEST_PIXELS) found.push("pixels");
  return found;
}

/**
 * Those that can be trained on it: what tells classes first, then what finds groups, then what wants more said. Where
 * a table has nothing but texts beside one column, what reads texts comes before; where none tells classes, groups do.
 */
export function fitting(algorithms: Algorithm[], description: Description): Algorithm[] {
  const { columns = [], rows } = description;
  const left = columns.filter(column => column.type !== "ignore" && !column.left_out).length;
  const texts = left < 2 && columns.some(column => column.left_out && isText(column, rows));
  const classes = columns.some(column => mayBeTarget(column, rows));
  const rank = (each: Algorithm) => {
    const kind = kindsOf(each, description)[0] ?? "";
    if (texts && kind === "text") return -1;
    if (kind === "table" && !classes && each.task !== "clustering") return 2;
    return ["text", "steps", "pixels"].includes(kind) ? 2 : each.task === "clustering" ? 1 : 0;
  };
  return algorithms
    .filter(each => each.available && kindsOf(each, description).length > 0)
    .sort((a, b) => rank(a) - rank(b));
}

export const wantsTarget = (algorithm: Algorithm, description: Description): boolean =>
  algorithm.task !== "clustering" && !description.kind;

/** The column that is most likely meant: one that is called so, else the last of few values. */
export function likely(columns: DescribedColumn[]): string {
  const few = columns.filter(column => mayBeTarget(column) && !column.left_out && (column.distinct ?? 0) <= MOST_CLASSES);
  return (few.find(column => TELLING.test(column.name)) ?? few.at(-1))?.name ?? "";
}

const CLUSTERS = ["n_clusters", "scale"];
/** Whether a hyperparameter is one that nearly everybody chooses. */
export const isFirst = (algorithm: Algorithm, name: string): boolean =>
  algorithm.task === "clustering" ? CLUSTERS.includes(name) : name === "epochs";

/** The shape of square pictures whose pixels are the columns of numbers; empty where they make none. */
export function shapeOf(columns: DescribedColumn[], target: string): string {
  const pixels = columns.filter(column => isNumber(column) && column.name !== target).length;
  for (const channels of [1, 3]) {
    const side = Math.sqrt(pixels / channels);
    if (pixels >= FEWEST_PIXELS && Number.isInteger(side)) return `${side}, ${side}, ${channels}`;
  }
  return "";
}

/** How rows are spread over the classes of a target, in words. */
export function balance(column: DescribedColumn | undefined): string {
  const values = column?.values ?? [];
  const rows = values.reduce((sum, each) => sum + each.rows, 0);
  if (!rows) return "A column of few values, such as yes and no. Quantities, such as a price, are not predicted.";
  const told = values.slice(0, 4).map(each => `${String(each.value)} ${share(each.rows / rows)}`);
  return told.join(", ") + (values.length > 4 ? " …" : "");
}

/** The body of `:train`. What was left as it is is not said, so that the service's own defaults hold. */
export function requestOf(choice: Choice, algorithm: Algorithm, dataset: Dataset, description: Description, options: ReadOptions): object {
  const { kind, text, id, order, image, by } = choice;
  const schemas = algorithm.hyperparameters.properties ?? {};
  const isPrivate = choice.epsilon.trim() !== "" && algorithm.private_hyperparameters !== null;
  const counts = (name: string) => !isPrivate || algorithm.private_hyperparameters?.includes(name);
  const said = Object.entries(choice.hyperparameters).filter(([name, written]) => written.trim() && schemas[name] && counts(name));
  return {
    algorithm: algorithm.name,
    hyperparameters: Object.fromEntries(said.map(([name, written]) => [name, valueOf(written, schemas[name] ?? {})])),
    ...(isPrivate && { privacy: privacyOf(choice, algorithm, description) }),
    data: {
      uri: dataset.uri,
      ...(isPrivate ? asWritten(options, description) : options),
      ...(wantsTarget(algorithm, description) && { target: choice.target }),
      ...(kind === "text" && { text }),
      ...(kind === "steps" && { sequence: { id, ...(order && { order }) } }),
      ...((kind === "pixels" || kind === "pictures") && image.trim() && { image: valueOf(image, { type: "array" }) }),
    },
    ...(choice.fraction.trim() && { test_fraction: valueOf(choice.fraction, {}) }),
    ...(by !== "random" && !isPrivate && { split: { by, column: choice.splitColumn } }),
  };
}

const listed = (written: string): string[] => written.split(",").map(word => word.trim()).filter(Boolean);

/** What is said of privacy. A column of which nothing is said is not trained on. */
function privacyOf(choice: Choice, algorithm: Algorithm, description: Description): object {
  const bounds = Object.entries(choice.bounds).filter(([, ends]) => ends.some(end => end.trim()));
  const words = Object.entries(choice.words).filter(([, written]) => written.trim());
  const target = description.columns?.find(column => column.name === choice.target);
  const label = (word: string) => (target?.type === "boolean" ? word === "true" : target?.type === "integer" ? valueOf(word, {}) : word);
  return {
    epsilon: valueOf(choice.epsilon, {}),
    delta: valueOf(choice.delta.trim() || DELTA, {}),
    bounds: Object.fromEntries(bounds.map(([name, ends]) => [name, ends.map(end => valueOf(end, {}))])),
    categories: Object.fromEntries(words.map(([name, written]) => [name, listed(written)])),
    ...(wantsTarget(algorithm, description) && { classes: listed(choice.classes).map(label) }),
  };
}

export const DELTA = "1e-6";

/** How a text is written: a private training guesses none of it, and takes no word on what columns are. */
function asWritten({ missing, decimal, thousands, delimiter, encoding, header }: ReadOptions, description: Description): ReadOptions {
  const read = description.read ?? {};
  const said = { ...read, ...Object.fromEntries(Object.entries({ missing, decimal, thousands, delimiter, encoding, header }).filter(([, value]) => value !== undefined)) };
  return said as ReadOptions;
}

const OPTIONS: (keyof ReadOptions)[] = [
  "types", "missing", "decimal", "thousands", "dayfirst", "delimiter", "encoding", "header", "exclude",
];

type Data = ReadOptions & { target?: string | null; text?: string; image?: number[]; sequence?: { id?: string; order?: string } };
const dataOf = (job: Job): Data => (job.request["data"] ?? {}) as Data;

/** How a job read its table, where that was said. */
export function optionsOf(job: Job): ReadOptions {
  const data = dataOf(job);
  return Object.fromEntries(OPTIONS.filter(name => data[name] !== undefined && data[name] !== null).map(name => [name, data[name]]));
}

/** What was chosen for a job, as the form has it: `requestOf` the other way round. */
export function choiceOf(job: Job, algorithms: Algorithm[]): Partial<Choice> {
  const { target, text, image, sequence } = dataOf(job);
  const { algorithm = "", hyperparameters, test_fraction: fraction, split, privacy } = job.request as {
    algorithm?: string;
    hyperparameters?: Record<string, unknown>;
    test_fraction?: number;
    split?: { by?: string; column?: string };
    privacy?: {
      epsilon: number;
      delta: number;
      bounds?: Record<string, [number, number]>;
      categories?: Record<string, string[]>;
      classes?: (string | number | boolean)[];
    } | null;
  };
  const schemas = algorithms.find(each => each.name === algorithm)?.hyperparameters.properties ?? {};
  const others = Object.entries(hyperparameters ?? {}).filter(
    ([name, value]) => schemas[name] && JSON.stringify(value) !== JSON.stringify(schemas[name].default),
  );
  return {
    model: job.model,
    algorithm,
    ...(target && { target }),
    ...(text && { kind: "text", text }),
    ...(sequence && { kind: "steps", id: sequence.id ?? "", order: sequence.order ?? "" }),
    ...(image && { kind: "pixels", image: image.join(", ") }),
    hyperparameters: Object.fromEntries(others.map(([name, value]) => [name, typed(value, schemas[name] ?? {})])),
    ...(fraction !== undefined && { fraction: String(fraction) }),
    ...(split?.by && { by: split.by, splitColumn: split.column ?? "" }),
    ...(privacy && {
      epsilon: String(privacy.epsilon),
      delta: String(privacy.delta),
      bounds: Object.fromEntries(Object.entries(privacy.bounds ?? {}).map(([name, [least, greatest]]) => [name, [String(least), String(greatest)]])),
      words: Object.fromEntries(Object.entries(privacy.categories ?? {}).map(([name, words]) => [name, words.join(", ")])),
      classes: (privacy.classes ?? []).join(", "),
    }),
  };
}

/** A value as somebody would type it in a field, or choose it. */
function typed(value: unknown, schema: ParameterSchema): string {
  if (Array.isArray(value) && value.every(each => typeof each === "number")) return value.join(", ");
  return typeof value === "string" && !schema.enum ? value : JSON.stringify(value);
}
