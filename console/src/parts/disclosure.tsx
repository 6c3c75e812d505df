// What is looked at only when somebody opens it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** `children` are made when it is first opened, so that nothing is asked for before. */
export function Disclosure({ title, children, within = false }: {
  title: string;
  children: () => ComponentChildren;
  /** Whether it belongs to a part of the page that has a heading of the third order. */
  within?: boolean;
}) {
  const [seen, see] = useState(false);
  return (
    <details onToggle={event => event.currentTarget.open && see(true)}>
      <summary>{within ? <h4>{title}</h4> : <h2>{title}</h2>}</summary>
      {seen && children()}
    </details>
  );
}
