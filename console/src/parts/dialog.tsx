// Asks before something is done that is not undone.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./states.tsx";

/** A button that asks first. `act` is done once it was confirmed; why it could not be stands in the dialog. */
export function Confirmed({ label, title, confirm, children, act, danger = true, disabled = false }: {
  label: string;
  title: string;
  /** What the button that does it says. */
  confirm: string;
  children?: ComponentChildren;
  act: () => Promise<unknown>;
  danger?: boolean;
  disabled?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const safe = useRef<HTMLButtonElement>(null);
  const here = useRef(true);
  const [busy, setBusy] = useState(false);
  const [failure, fail] = useState<unknown>(null);
  useEffect(() => () => void (here.current = false), []);
  const close = () => dialog.current?.close();
  const done = async () => {
    if (busy) return;
    setBusy(true);
    fail(null);
    try {
      await act();
      close();
    } catch (error) {
      if (here.current) fail(error);
    }
    if (here.current) setBusy(false);
  };
  return (
    <>
      <button type="button" class={danger ? "danger" : "second"} disabled={disabled}
        onClick={() => { fail(null); dialog.current?.showModal(); safe.current?.focus(); }}>
        {label}
      </button>
      <dialog ref={dialog} aria-label={title}>
        <h2>{title}</h2>
        {children}
        {failure !== null && <Failure error={failure} />}
        <p class="row">
          <button type="button" class={danger ? "danger" : ""} aria-disabled={busy} onClick={() => void done()}>{confirm}</button>
          <button type="button" class="second" ref={safe} onClick={close}>Leave it as it is</button>
        </p>
      </dialog>
    </>
  );
}
