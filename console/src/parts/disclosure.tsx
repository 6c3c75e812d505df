// What is looked at only when somebody opens it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** `children` are made when it is first opened, so that nothing is asked for before. */
export function Disclosure({ title, children, open = false }: { title: string; children: () => ComponentChildren; open?: boolean }) {
  const [seen, see] = useState(open);
  return (
    <details open={open} onToggle={event => event.currentTarget.open && see(true)}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {seen && children()}
    </details>
  );
}
