// Asks for the key, where the service wants one.
import { useState } from "preact/hooks";
import { keep } from "../session.ts";
import { sentence } from "./states.tsx";

export function SignIn({ reason, enter }: { reason: string; enter: () => void }) {
  const [typed, type] = useState("");
  return (
    <main>
      <form
        class="sign-in"
        onSubmit={event => {
          event.preventDefault();
          keep(typed.trim());
          enter();
        }}
      >
        <h1>A key is needed</h1>
        <p role="alert">{sentence(reason)}</p>
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
        <p class="soft">It stays in this tab until that is closed, and goes to this service alone.</p>
        <button type="submit">Enter</button>
      </form>
    </main>
  );
}
