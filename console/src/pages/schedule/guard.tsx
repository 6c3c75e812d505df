// How far the version is that a schedule trained last: which step it is on, and why it goes on, waits or came back.
import type { Guard } from "../../answers.ts";
import { Time } from "../../parts/time.tsx";
import { to } from "../../router.ts";

const AT: Record<Guard["at"], string> = {
  waiting: "It has no traffic yet",
  climbing: "It has a part of the traffic",
  watching: "It has all of the traffic, and is watched",
  ended: "It is over",
};

export function GuardTold({ model, guard, promote }: { model: string; guard: Guard; promote: Record<string, unknown> | null }) {
  const steps = Array.isArray(promote?.["steps"]) ? (promote["steps"] as number[]) : [];
  return (
    <section aria-labelledby="guard">
      <h3 id="guard">
        Its guard: <a href={to("models", model, guard.new)}>version {guard.new}</a>
        {guard.old !== null && <> after <a href={to("models", model, guard.old)}>version {guard.old}</a></>}
      </h3>
      <p>
        {AT[guard.at]}{guard.reason && `: ${guard.reason}`}.
      </p>
      {steps.length > 0 && (
        <ol class="tags" aria-label={`Steps of “${guard.alias}”`}>
          {steps.map((share, place) => (
            <li key={share} {...(place === guard.step - 1 && guard.at !== "ended" ? { "aria-current": "step" as const, class: "alias" } : {})}>
              {share} %{place < guard.step ? " – made" : ""}
            </li>
          ))}
        </ol>
      )}
      <p class="soft">
        Begun <Time at={guard.begun} />
        {guard.step > 0 && <>; the last step was made <Time at={guard.since} /></>}.
      </p>
    </section>
  );
}
