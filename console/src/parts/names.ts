// What models and datasets may be called, a name made of a file's, and names that are looked for.
export const NAME = "[A-Za-z0-9]([A-Za-z0-9._\\-]{0,61}[A-Za-z0-9_\\-])?";
export const NAMED = new RegExp(`^${NAME}$`);
export const NAME_HINT = "Letters, digits and . _ - up to 63, a letter or digit first.";

/** What a name may begin with: nothing else finds one. */
export const BEGINNING = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The names that somebody may mean who writes a part of one. */
export const matching = (names: string[], sought: string): string[] =>
  names.filter(name => name.toLowerCase().includes(sought.trim().toLowerCase()));

/** `Kunden 2024 (neu).csv` is called `Kunden-2024-neu`. */
export function proposed(file: string): string {
  const plain = file.replace(/\.(csv|tsv|txt|parquet|jsonl|ndjson|json|npy|npz|zip)$/i, "").normalize("NFKD").replace(/\p{M}/gu, "");
  return plain.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 63).replace(/[.-]+$/, "") || "data";
}
