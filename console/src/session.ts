// Who is asking: the key of this tab, and what the service says that it may do.
import { computed, effect, signal } from "@preact/signals";

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

/** Settles once another key was let in in the place of one that has ended; whoever leaves meanwhile waits no more. */
export function another(leaving?: AbortSignal | null): Promise<void> {
  return new Promise((entered, left) => {
    if (leaving?.aborted) return left(new DOMException("", "AbortError"));
    const stop = effect(() => {
      if (ended.value) return;
      entered();
      queueMicrotask(() => stop());
    });
    leaving?.addEventListener("abort", () => {
      stop();
      left(new DOMException("", "AbortError"));
    });
  });
}

export const rights = computed(() => new Set(caller.value?.rights ?? []));
export const may = (right: string): boolean => rights.value.has(right);

export function keep(chosen: string): void {
  key.value = chosen;
  if (chosen) sessionStorage.setItem(KEPT, chosen);
  else sessionStorage.removeItem(KEPT);
}
