// What people write of a schedule: what it begins with, and what of an answer is sent back.
import type { Version, WrittenSchedule } from "../../answers.ts";

export const NEW: WrittenSchedule = {
  train: {},
  every: "P1D",
  on: [],
  at_most_every: null,
  most_a_day: 4,
  alias: "production",
  promote: null,
  rollback: null,
  paused: false,
};

/** What people wrote, without what the service tells beside it. */
export function written(schedule: WrittenSchedule): WrittenSchedule {
  return Object.fromEntries(Object.keys(NEW).map(name => [name, schedule[name as keyof WrittenSchedule]])) as unknown as WrittenSchedule;
}

/** A request to train as a version was trained, of whatever is newest at its address; a first sketch without one. */
export function trained(version: Version | undefined): Record<string, unknown> {
  const { uri, target } = version?.lineage.data ?? {};
  const newest = uri?.startsWith("dataset://") ? uri.split("/").slice(0, 3).join("/") : (uri ?? "dataset://");
  return {
    algorithm: version?.algorithm ?? "logistic_regression",
    ...(version?.hyperparameters && Object.keys(version.hyperparameters).length && { hyperparameters: version.hyperparameters }),
    data: { uri: newest, ...(target && { target }) },
  };
}
