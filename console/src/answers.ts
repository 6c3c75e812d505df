// What the service answers, as far as the pages look at it; /openapi.json has the whole.

export interface Metric {
  name: string;
  value: number;
}

export interface ModelEntry {
  name: string;
  newest: { version: number; created: string; algorithm: string; metric: Metric | null } | null;
  aliases: string[];
  trend: { version: number; value: number }[];
  description: string | null;
  tags: Record<string, string>;
}

export interface ListedModels {
  models: string[];
  entries: ModelEntry[];
  next_after: string | null;
}

export interface JobError {
  code: string;
  message: string;
  faults?: { path: string; message: string }[];
}

export interface Attempt {
  started: string;
  ended: string | null;
  outcome: string | null;
  reason: string | null;
  times?: number;
}

/** What was reached when so many steps of so many were done. */
export type Step = Record<string, number | null> & { done: number; of: number };

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

export interface Job {
  id: string;
  model: string;
  state: JobState;
  phase: string | null;
  percentage: number | null;
  version: number | null;
  metrics: (Record<string, unknown> & { history?: Step[]; test?: Record<string, unknown>; training?: Record<string, unknown> }) | null;
  warnings: string[];
  result: { rows: number; rejected: number; files: number; bytes: number; uri: string | null } | null;
  engine: { name: string; passes: number | null; parts: number | null; reason: string | null } | null;
  error: JobError | null;
  attempts: Attempt[];
  request: Record<string, unknown> & { kind?: string; algorithm?: string; version?: number };
  created: string;
  started: string | null;
  finished: string | null;
  cancelling: boolean;
  submitter: string | null;
}

export interface ListedJobs {
  jobs: Job[];
  next_after: string | null;
}

export interface JobFile {
  name: string;
  kind: "scores" | "rejects";
  rows: number;
  size: number;
  url?: string;
  uri?: string;
}

export interface JobFiles {
  files: JobFile[];
  next_after: string | null;
}

export interface ListedDatasets {
  datasets: { name: string; uri: string; size: number; uploaded: string }[];
  next_after: string | null;
}

export interface SignedUpload {
  dataset: string;
  uri: string;
  url: string;
  method: string;
  headers: Record<string, string>;
}

/** What is said of a table that its reader would guess otherwise. */
export interface ReadOptions {
  types?: Record<string, string>;
  missing?: string[];
  decimal?: string;
  thousands?: string;
  dayfirst?: boolean;
  delimiter?: string;
  encoding?: string;
  header?: boolean;
}

export interface DescribedColumn {
  name: string;
  type: string;
  missing: number;
  missing_words?: Record<string, number>;
  read?: Record<string, unknown>;
  left_out?: string;
  distinct?: number;
  infinite?: number;
  range?: [number | string, number | string];
  mean?: number;
  histogram?: { edges: (number | string)[]; counts: number[] };
  values?: { value: string | number | boolean; rows: number }[];
}

export interface Description {
  kind?: "pictures" | "sequences";
  format: string;
  read?: Record<string, unknown>;
  rows?: number;
  complete: boolean;
  columns?: DescribedColumn[];
  warnings: string[];
  error?: string | null;
  pictures?: number;
  sequences?: number;
  steps?: number;
  channels?: number;
  shape?: number[] | null;
  held_out?: number | null;
  classes?: ({ value: string | number | boolean } & Record<string, unknown>)[] | null;
  sizes?: { height: number; width: number; pictures: number }[];
  unreadable?: { files: number; faults: unknown[] };
}

export interface Dataset {
  name: string;
  uri: string;
  size: number;
  uploaded: string;
  options: ReadOptions;
  state: "describing" | "described" | "options_refused" | "unreadable";
  description: Description | null;
  error: string | null;
  faults: { path: string; message: string }[];
}

/** A part of JSON Schema: what hyperparameters are described by. */
export interface ParameterSchema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: ParameterSchema[];
  default?: unknown;
  title?: string;
  description?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  items?: ParameterSchema;
}

export interface Algorithm {
  name: string;
  title: string;
  task: string;
  takes: string[];
  hyperparameters: { properties?: Record<string, ParameterSchema> };
  available: boolean;
}
