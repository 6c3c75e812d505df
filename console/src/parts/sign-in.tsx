// Asks for the key, where the service wants one.
import { useEffect, useRef, useState } from "preact/hooks";
import { keep, key } from "../session.ts";
import { sentence } from "./states.tsx";

interface Asked {
  reason: string;
  enter: () => void;
}

export function SignIn({ reason, enter }: Asked) {
  // Who has sent none yet is told nothing of headers.
  const said = key.value ? reason : "";
  return (
    <main>
      <Form title="A key is needed" reason={said} enter={enter}
        note="It stays in this tab until that is closed, and goes to this service alone." />
    </main>
  );
}

/**
 * Over the page that is open, all of it, while its key has ended: what was written there is still there below.
 *
 * Without a reason it is closed, which gives the focus back to what had it.
 */
export function SignInAgain(asked: Asked) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { reason } = asked;
  const show = () => void (reason && !dialog.current?.open && dialog.current?.showModal());
  useEffect(() => {
    if (reason) show();
    else dialog.current?.close();
  }, [reason]);
  return (
    <dialog ref={dialog} class="whole" aria-label="Another key is needed" onCancel={event => event.preventDefault()} onClose={show}>
      {reason && (
        <Form {...asked} title="Another key is needed" note="With another key it goes on from here: nothing that you wrote is lost." />
      )}
    </dialog>
  );
}

function Form({ title, reason, enter, note }: Asked & { title: string; note: string }) {
  const [typed, type] = useState("");
  return (
    <form
      class="sign-in"
      onSubmit={event => {
        event.preventDefault();
        keep(typed.trim());
        enter();
      }}
    >
      <h1>{title}</h1>
      {reason ? <p role="alert">{sentence(reason)}</p> : <p>Whoever runs this service gives you one.</p>}
      <label for="key">Key</label>
      <input
        id="key"
        type="password"
        autocomplete="off"
        spellcheck={false}
        required
        value={typed}
        onInput={event => type(event.currentTarget.value)}
      />
      <p class="soft">{note}</p>
      <button type="submit">Enter</button>
    </form>
  );
}
