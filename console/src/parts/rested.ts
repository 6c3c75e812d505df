// What somebody writes, once they pause.
import { useEffect, useState } from "preact/hooks";

const PAUSE = 200;

/** The value as it was when it last stood still for a moment; what is asked by it is not asked at each letter. */
export function useRested<T>(value: T): T {
  const [rested, rest] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => rest(value), PAUSE);
    return () => window.clearTimeout(timer);
  }, [value]);
  return rested;
}
