// Numbers, times and sizes as the reader's locale writes them.
const numbers = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });
const rough = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const counts = new Intl.NumberFormat();
const shares = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const powers = new Intl.NumberFormat(undefined, { notation: "scientific", maximumSignificantDigits: 4 });
const finer = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });
const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

/** Far from one, as a power of ten: nobody counts zeros. */
export const number = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-6 || Math.abs(value) >= 1e15) ? powers.format(value) : numbers.format(value);
export const count = (value: number): string => counts.format(value);
/** How many of something: `1 row`, `2,000 rows`. */
export const many = (value: number, one: string, several = `${one}s`): string => `${count(value)} ${value === 1 ? one : several}`;
export const share = (value: number): string => shares.format(value);
/** A share that is compared with others like it. */
export const fine = (value: number): string => finer.format(value);
export const moment = (time: string): string => moments.format(new Date(time));
/** A date, or the day of a time, of UTC. */
export const date = (time: string): string => dates.format(new Date(time));

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, or in how long. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.round((new Date(time).getTime() - now) / 1_000);
  const [unit, size] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, place] = [bytes, 0];
  while (value >= 1_000 && place < units.length - 1) [value, place] = [value / 1_000, place + 1];
  return `${rough.format(value)} ${units[place]}`;
}

export const words = (name: string): string => name.replaceAll("_", " ");
/** A metric by its name: `roc_auc` is ROC AUC to a person. */
export const metric = (name: string): string =>
  words(name).replace(/\b(roc|pr|auc|f1)\b/g, found => found.toUpperCase());

const CALLED: Record<string, string> = {
  svm: "support vector machine",
  kmeans: "k-means",
  cnn: "convolutional network",
  onnx: "imported ONNX model",
  rnn: "recurrent network",
};
/** An algorithm by its name, as people call it. */
export const method = (name: string): string => (Object.hasOwn(CALLED, name) ? (CALLED[name] ?? name) : words(name));
