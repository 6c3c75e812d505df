// What a page shows of the service, asked for again while somebody looks at it.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, Refused, Unreached } from "./service.ts";

export type Live<T> = {
  value: T | undefined;
  /** Why there is no newer value; what was last seen stays. */
  error: Refused | Unreached | undefined;
  again: () => void;
};

const SLOWEST = 30_000;

/**
 * What the service answers to a GET of a path.
 *
 * `every` says after how many milliseconds it is asked again, seeing what came last; 0 for not at all. Nothing is
 * asked while the tab is hidden, and after a failure more and more rarely.
 */
export function useLive<T>(path: string | null, every: (last: T) => number = () => 0): Live<T> {
  const [seen, see] = useState<{ path: string | null; value?: T; error?: Refused | Unreached }>({ path });
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (path === null) return;
    const leaving = new AbortController();
    let timer = 0;
    let wait = 0;
    const look = async (): Promise<void> => {
      try {
        const value = await get<T>(path, leaving.signal);
        see({ path, value });
        wait = every(value);
      } catch (error) {
        if (leaving.signal.aborted) return;
        const failure = error instanceof Refused || error instanceof Unreached ? error : new Unreached(String(error));
        // What was removed is not shown as if it were there; what cannot be asked just now is.
        const gone = failure instanceof Refused && failure.status === 404;
        see(before => (before.path === path && !gone ? { ...before, error: failure } : { path, error: failure }));
        wait = failure instanceof Refused && failure.status < 500 ? 0 : Math.min(SLOWEST, 2 * (wait || 1_000));
      }
      if (wait > 0 && !document.hidden) timer = window.setTimeout(() => void look(), wait);
    };
    const shown = (): void => {
      window.clearTimeout(timer);
      if (!document.hidden) void look();
    };
    void look();
    document.addEventListener("visibilitychange", shown);
    addEventListener("online", shown);
    return () => {
      leaving.abort();
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
      removeEventListener("online", shown);
    };
  }, [path, round]);
  const current = seen.path === path ? seen : undefined;
  return { value: current?.value, error: current?.error, again: () => setRound(count => count + 1) };
}

/** As it is, with what was last seen of a path before in the place of nothing: a list that is narrowed letter by letter. */
export function useKept<T>(live: Live<T>): Live<T> {
  const last = useRef<T | undefined>(undefined);
  if (live.value !== undefined) last.current = live.value;
  return live.error ? live : { ...live, value: last.current };
}
