// A file that is dropped anywhere on the page, for the part of it that takes files.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

type Take = (file: File) => void;

/** Whether a file hangs over the page. */
export const hovering = signal(false);

const takers: Take[] = [];
let waiting: File | null = null;

/** `take` gets what is dropped while this part is shown, and what was dropped just before where nothing took it. */
export function useDropped(take: Take): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const taker: Take = file => latest.current(file);
    takers.push(taker);
    const file = waiting;
    waiting = null;
    if (file) taker(file);
    return () => void takers.splice(takers.indexOf(taker), 1);
  }, []);
}

/** A dropped file goes to the part that came last. Where there is none, `otherwise` leads to one; else it is dropped in vain. */
export function bring(file: File, otherwise: (() => void) | null): void {
  const taker = takers.at(-1);
  if (taker) return taker(file);
  if (!otherwise) return;
  waiting = file;
  otherwise();
}

/** Listens for files on the whole page: without this a browser leaves the page, and opens the file. */
export function useDropping(otherwise: (() => void) | null): void {
  const latest = useRef(otherwise);
  latest.current = otherwise;
  useEffect(() => {
    const holds = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const dragged = (event: DragEvent) => {
      if (!holds(event)) return;
      event.preventDefault();
      hovering.value = takers.length > 0 || latest.current !== null;
    };
    const left = (event: DragEvent) => {
      if (!event.relatedTarget) hovering.value = false;
    };
    const dropped = (event: DragEvent) => {
      if (!holds(event)) return;
      event.preventDefault();
      hovering.value = false;
      const file = event.dataTransfer?.files[0];
      if (file) bring(file, latest.current);
    };
    addEventListener("dragover", dragged);
    addEventListener("dragleave", left);
    addEventListener("drop", dropped);
    return () => {
      removeEventListener("dragover", dragged);
      removeEventListener("dragleave", left);
      removeEventListener("drop", dropped);
    };
  }, []);
}
