// Where in the console one is: what stands after `#/` in the address. A key never does.
import { computed, signal } from "@preact/signals";

export interface Place {
  page: string;
  names: string[];
  query: URLSearchParams;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const place = computed(() => placeOf(hash.value));

export function placeOf(written: string): Place {
  const [path = "", query = ""] = written.replace(/^#?\/?/, "").split("?", 2);
  const [page = "", ...names] = path.split("/").map(decoded);
  return { page: page || "models", names, query: new URLSearchParams(query) };
}

/** The address of a page, of names that people chose. */
export function to(page: string, ...names: (string | number)[]): string {
  return `#/${[page, ...names.map(String)].map(encodeURIComponent).join("/")}`;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
