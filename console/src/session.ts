// Who is asking: the key of this tab, and what the service says that it may do.
import { computed, signal } from "@preact/signals";

const KEPT = "key";

export interface Caller {
  key: string | null;
  roles: string[];
  rights: string[];
  models: string[] | null;
  datasets: string[] | null;
  expires: string | null;
}

/** The key that is sent. It stays in this tab, and goes when that is closed. */
export const key = signal(sessionStorage.getItem(KEPT) ?? "");
/** What the service says of it; null until it has, and where it knows it no more. */
export const caller = signal<Caller | null>(null);

/** Why the key that was let in is so no more: it ran out, or somebody took it back. */
export const ended = signal("");

export const rights = computed(() => new Set(caller.value?.rights ?? []));
export const may = (right: string): boolean => rights.value.has(right);

export function keep(chosen: string): void {
  key.value = chosen;
  if (chosen) sessionStorage.setItem(KEPT, chosen);
  else sessionStorage.removeItem(KEPT);
}
