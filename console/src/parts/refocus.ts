// Where the keyboard is, once what it was on has gone.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Put the focus on an element when something has changed that took away what had it. */
export function useRefocus(to: RefObject<HTMLElement | null>, changed: unknown): void {
  const before = useRef(changed);
  useEffect(() => {
    if (before.current === changed) return;
    before.current = changed;
    if (document.activeElement === document.body) to.current?.focus({ preventScroll: true });
  }, [changed]);
}
