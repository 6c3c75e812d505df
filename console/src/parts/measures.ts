// Figures of a model: which there are, what they say, and which is the better of two.
import type { Measured } from "../answers.ts";
import { fine, number } from "./format.ts";

const SAYS: Record<string, string> = {
  accuracy: "share of rows that it gets right",
  balanced_accuracy: "the same, with each class counted alike",
  baseline: "what always saying the most frequent class gets right",
  f1_macro: "precision and recall of each class, in one figure",
  roc_auc: "how well it ranks rows: 1 is perfect, 0.5 is chance",
  pr_auc: "how well it finds the rarer class: 1 is perfect",
  log_loss: "how far its probabilities are off: 0 is perfect",
  hinge_loss: "how far rows are on the wrong side: 0 is perfect",
  inertia: "how far rows are from the middle of their cluster, in all",
  silhouette: "how well clusters are apart: 1 is best, below 0 is bad",
};

export const says = (name: string): string => SAYS[name] ?? "";

// What everybody understands comes first.
const FIRST = ["accuracy", "baseline", "balanced_accuracy", "silhouette"];
const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

/** The figures that are one number each. */
export const figures = (measured: Measured | undefined): [string, number][] =>
  Object.entries(measured ?? {})
    .filter((each): each is [string, number] => typeof each[1] === "number")
    .sort(([one], [other]) => rank(one) - rank(other));

const SHARES = new Set(["accuracy", "validation_accuracy", "balanced_accuracy", "baseline"]);
/** A figure as it is written: what is a share of rows has its sign. */
export const valued = (name: string, value: number): string => (SHARES.has(name) ? fine(value) : number(value));

/** Names of figures of several, each once, in the order in which they come. */
export const named = (...measured: (Measured | undefined)[]): string[] => [...new Set(measured.flatMap(each => figures(each).map(([name]) => name)))];

export const lowerIsBetter = (name: string): boolean => /loss|inertia|error/.test(name);
/** A figure that says something of the rows, and nothing of the model. */
export const ofTheRows = (name: string): boolean => name === "baseline";

/** The figure that says most of a version: the held-out one where rows were held out. */
export function headline(metrics: { training?: Measured; test?: Measured } | null): [string, number] | null {
  const found = figures(metrics?.test ?? metrics?.training);
  const best = ["accuracy", "silhouette", "inertia"].map(name => found.find(each => each[0] === name)).find(Boolean);
  return best ?? found[0] ?? null;
}
