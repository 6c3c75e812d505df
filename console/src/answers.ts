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
  /** `size` is null while it has a privacy budget. */
  datasets: { name: string; uri: string; size: number | null; uploaded: string }[];
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
  exclude?: string[];
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

export interface BudgetOf {
  epsilon: number;
  delta: number;
}

/** A dataset's privacy budget. Of a model that the key is not for, an entry does not say whose it is. */
export interface PrivacyBudget {
  dataset: string;
  etag: string;
  budget: BudgetOf | null;
  spent: { rho: string; epsilon: number | null };
  left: { rho: string; epsilon: number } | null;
  entries: { job: string | null; model: string | null; attempt: number; rho: string; time: string }[];
  entries_omitted: number;
  changes: { number: number; time: string; by: string | null; from: BudgetOf | null; to: BudgetOf | null }[];
  changes_omitted: number;
}

/** A part of JSON Schema: what hyperparameters are described by. */
/** A version that was made from a dataset. */
export interface MadeVersion {
  model: string;
  version: number;
  job: string;
  created: string | null;
  algorithm: string | null;
  data: { uri: string; revision: string | null };
  copy: boolean;
  aliases: string[];
  deleted: string | null;
  restorable_until: string | null;
  contains_training_rows: boolean | null;
}

export interface MadeVersions {
  versions: MadeVersion[];
  next_after: string | null;
  complete: boolean;
}

export interface ErasureLine {
  what: string;
  detail: string;
  number: number | null;
  days: number | null;
}

/** What became of a dataset that was erased with the versions made from it. */
export interface Erasure {
  dataset: string;
  complete: boolean;
  waiting_for: string[];
  versions: { model: string; version: number; deleted: string }[];
  gone: ErasureLine[];
  going: ErasureLine[];
  expires: ErasureLine[];
  stays: ErasureLine[];
}

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
  summary: string;
  takes: string[];
  hyperparameters: { properties?: Record<string, ParameterSchema> };
  /** Those that count in a private training; null where there is none. */
  private_hyperparameters: string[] | null;
  available: boolean;
}

export type Label = string | number | boolean;
export type Words = Record<string, string>;

export interface Alias {
  alias: string;
  version: number;
  weights: Record<string, number> | null;
  etag: string;
  updated: string;
  warnings?: string[];
}

export interface Model {
  name: string;
  versions: { version: number }[];
  aliases: Record<string, Alias>;
  deleted: { version: number; deleted: string; restorable_until: string | null }[];
  next_before: number | null;
  description?: string | null;
  tags?: Words;
  about_etag?: string;
}

export interface ClassFigures {
  class: Label;
  precision: number;
  recall: number;
  f1: number;
  support: number;
}

/** What was measured on rows: figures by their names, and of classes these two. */
export type Measured = Record<string, unknown> & { per_class?: ClassFigures[]; confusion_matrix?: number[][] };

export interface Metrics {
  training?: Measured;
  test?: Measured;
  history?: Step[];
}

export interface Lineage {
  job: string;
  data: { uri?: string | null; size?: number; sha256?: string; target?: string } | null;
  seed: number | null;
  test_fraction: number | null;
  split?: { by: string; column?: string } | null;
  library_versions: Words | null;
}

export interface Compared {
  version: number;
  created: string;
  algorithm: string;
  aliases: string[];
  hyperparameters: Record<string, unknown> | null;
  metrics: Metrics | null;
  rows: number | null;
  test_rows: number | null;
  privacy?: { epsilon: number; delta: number; rows_deviation: number; count_deviation: number | null };
}

export interface Versions {
  versions: Compared[];
  next_before: number | null;
}

export interface CurvesOfClass {
  class: Label;
  roc: { fpr: number[]; tpr: number[] };
  precision_recall: { recall: number[]; precision: number[] };
  calibration: { prob_true: number[]; prob_pred: number[]; count: number[] } | null;
}

export interface ModelInput {
  kind: "image" | "sequence" | "text";
  shape?: number[];
  numbers?: { bytes: boolean; range: [number, number] };
  max_length?: number | null;
  tokens?: string;
  vocabulary?: number;
}

/** What an imported model takes and gives; null stands for a length that may differ. */
export interface Graph {
  form: "matrix" | "columns" | "tensors";
  inputs: { name: string; datatype: string; shape: (number | null)[] }[];
  outputs: { name: string; output: string; datatype: string; shape: (number | null)[] }[];
  producer: string;
  nodes: number;
}

export interface Version extends Omit<Compared, "aliases"> {
  name: string;
  task: string;
  sha256: string;
  size: number;
  features: string[];
  classes: Label[] | null;
  input?: ModelInput;
  graph?: Graph;
  curves: { training?: CurvesOfClass[]; test?: CurvesOfClass[] } | null;
  importance?: { metric: string; rows: number; columns: { column: string; mean: number; std: number }[]; columns_omitted?: number };
  /** Beside the version that answered before, on the same rows; numbers are null where they were not compared. */
  comparison?: VersionComparison;
  contains_training_rows: boolean | null;
  warnings: string[];
  registered: { by: string | null; at: string; origin?: Record<string, unknown> } | null;
  lineage: Lineage;
  description?: string | null;
  tags?: Words;
  about_etag?: string;
}

export interface VersionComparison {
  against: number;
  metric: string;
  confidence: number;
  rows: number | null;
  new: number | null;
  old: number | null;
  difference: number | null;
  low: number | null;
  high: number | null;
  reason: string | null;
}

/** What a coefficient or a part of a centre is of. */
export interface Placed {
  column: string;
  category?: string;
  missing?: true;
}
interface Side {
  class: Label;
  against: Label | null;
  intercept: number;
}

export type Parameters =
  | { kind: "linear"; decisions: (Side & { coefficients: (Placed & { coefficient: number })[] })[] }
  | {
      kind: "kernel";
      kernel: string;
      gamma: number | null;
      coef0: number | null;
      degree: number | null;
      support_vectors: { class: Label; count: number }[];
    }
  | { kind: "centres"; clusters: { cluster: number; size: number | null; values: (Placed & { value: number | string })[] }[] };

export type AliasState = { version: number } | { weights: Record<string, number> } | null;

export interface Change {
  number: number;
  time: string;
  by: string | null;
  kind: "set" | "promote" | "rollback" | "delete";
  from: AliasState;
  to: AliasState;
  /** Why a guard made it; a release of before tells none. */
  reason?: string | null;
}

export interface AuditEntry {
  id: string;
  time: string;
  by: string | null;
  method: string;
  route: string;
  request_id: string | null;
  status: number | null;
  model: string | null;
  dataset: string | null;
  version: number | null;
  alias: string | null;
  job: string | null;
}

export interface Audit {
  audit: { on: boolean; setting: string; days: number };
  entries: AuditEntry[];
  next_after: string | null;
}

export interface Used {
  requests: number;
  rows: number;
  jobs: number;
  bytes: number;
}

export interface Usage {
  monitoring: { on: boolean; setting: string; days: number };
  days: (Used & { date: string; key: string | null })[];
  keys: (Used & { key: string | null })[];
  total: Used;
  warnings: string[];
}

/** A column's part of the schema of a row. */
export interface ColumnSchema {
  type: string | string[];
  description?: string;
  examples?: unknown[];
  enum?: unknown[];
}

export interface RowSchema {
  "x-version": number;
  anyOf: { properties?: Record<string, ColumnSchema> }[];
}

/** What the Open Inference Protocol tells of a model, to every key that may know what it takes. */
export interface Metadata {
  platform: string;
  outputs: { name: string }[];
  parameters: { features?: string[]; classes?: Label[]; input?: ModelInput | { kind: "tensors" } };
}

export interface Profile {
  columns: { column: string; kind: string; bins?: { from: unknown; to: unknown; count: number; mean: number | string }[]; words?: { word: string; count: number }[] }[];
}

export interface Predictions {
  predictions: { label?: Label; probability?: number[]; distance?: number[]; [output: string]: unknown }[];
  classes?: Label[];
  model: { version: number };
}

export interface Token {
  text: string;
  value: number;
}

export interface Explanation {
  label: Label;
  against: Label;
  unit: string;
  base: number;
  margin: number;
  attributions: Record<string, number> | number[][] | number[][][] | Token[];
  rest?: number;
  probability: number | null;
}

export interface Shares {
  training: number | null;
  now: number | null;
}

export type DriftState = "too_few" | "steady" | "drifted" | "no_reference";

export interface Drift {
  psi: number | null;
  psi_expected: number | null;
  p_value: number | null;
  state: DriftState;
}

export type Bin = Shares & ({ from: number | string | null; to: number | string | null } | { value: boolean } | { word: string });

export interface MonitoredFeature extends Drift {
  kind: string;
  missing: Shares;
  bins?: Bin[];
  other?: Shares;
  unseen?: number | null;
}

export interface Told {
  state: string;
  requests: number;
  refused: number;
  errors: number;
  latency: { p50: number | null; p95: number | null; p99: number | null };
  predicted: number;
  counted: number;
  drifted: string[];
  expected_accuracy: number | null;
  feedback: {
    labelled: number;
    accuracy: { value: number; low: number; high: number } | null;
    confusion: { predicted: Label; true: Label | null; count: number }[];
  };
}

interface Window {
  monitoring: { on: boolean; setting: string; days: number };
  window: { from: string; to: string };
  warnings: string[];
}

export interface Monitoring extends Told, Window {
  features: Record<string, MonitoredFeature>;
  predictions: Drift & {
    reference: string | null;
    labels: ({ label: Label } & Shares)[];
    probability: (Drift & { bins: ({ from: number; to: number } & Shares)[] }) | null;
  };
}

export interface AliasMonitoring extends Window {
  alias: string;
  versions: (Told & {
    version: number;
    weight: number;
    share: number | null;
    labels: { label: Label; share: number | null }[];
    mix: (Omit<Drift, "state"> & { against: number; days: number; state: string }) | null;
  })[];
}

/** What became of one reason to train. */
export interface ScheduledRun {
  trigger: "every" | "upload" | "drift";
  slot: string;
  at: string;
  outcome: "started" | "unchanged" | "refused" | "too_many" | "too_soon" | "most_a_day";
  job: string | null;
  reason: string | null;
  ended: JobState | null;
  version: number | null;
}

/** What people write of a schedule. */
export interface WrittenSchedule {
  train: Record<string, unknown>;
  every: string | null;
  on: string[];
  at_most_every: string | null;
  most_a_day: number;
  alias: string;
  promote: Record<string, unknown> | null;
  rollback: Record<string, unknown> | null;
  paused: boolean;
}

export interface Schedule extends WrittenSchedule {
  model: string;
  etag: string;
  writer: string | null;
  updated: string;
  next: string | null;
  runs: ScheduledRun[];
  guard: Guard | null;
}

/** How far a schedule's new version is; there is no old one where its alias was not there. */
export interface Guard {
  alias: string;
  old: number | null;
  new: number;
  at: "waiting" | "climbing" | "watching" | "ended";
  step: number;
  begun: string;
  since: string;
  reason: string | null;
}
