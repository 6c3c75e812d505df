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
