// What a model says, how sure it is of it, and what made it say so.
import { useEffect, useRef } from "preact/hooks";
import { Bars, type Bar } from "../../charts/bars.tsx";
import { Facts, written, type Fact } from "../../parts/facts.tsx";
import { number, share } from "../../parts/format.ts";
import { Failure } from "../../parts/states.tsx";
import { shown } from "./picture.tsx";
import type { Drawn } from "./values.ts";
import type { Explanation, Label, Predictions, Token } from "../../answers.ts";

const MOST = 12;
const DRAWN = ["label", "probability", "distance"];

export function Answer({ said, why, whyNot, picture }: {
  said: Predictions | undefined;
  why: Explanation | undefined;
  whyNot: unknown;
  picture: Drawn | undefined;
}) {
  const found = said?.predictions[0];
  const label = found?.label ?? why?.label;
  return (
    <>
      {label !== undefined && (
        <p class="figure">
          <span class="soft">{said && !said.classes ? "Cluster" : "It says"}</span> <strong>{String(label)}</strong>
          {said && <span class="soft">· version {said.model.version}</span>}
        </p>
      )}
      <Facts facts={Object.entries(found ?? {}).filter(([name]) => !DRAWN.includes(name)).map(([name, value]): Fact => [name, written(value)])} />
      {found?.probability && <Sure classes={said?.classes ?? []} probability={found.probability} />}
      {said?.classes && label !== undefined && !found?.probability && <p class="soft">This model tells no probabilities.</p>}
      {found?.distance && (
        <Bars title="Distance to the middle of each cluster: the nearest is its own" of="Cluster" figure="Distance"
          bars={found.distance.map((value, place) => ({ name: `Cluster ${place}`, value })).slice(0, 2 * MOST)} />
      )}
      {why && <Why why={why} picture={picture} />}
      {whyNot !== undefined && <Failure error={whyNot} />}
    </>
  );
}

function Sure({ classes, probability }: { classes: (string | number | boolean)[]; probability: number[] }) {
  const bars = probability.map((value, place): Bar => ({ name: String(classes[place] ?? place), value })).sort((one, other) => other.value - one.value);
  return (
    <>
      <Bars title="How probable it takes each class" of="Class" figure="Probability" write={share} most={1} bars={bars.slice(0, MOST)} />
      {bars.length > MOST && <p class="soft">And {bars.length - MOST} less probable ones.</p>}
    </>
  );
}

const UNITS: Record<string, string> = {
  "log-odds": "log-odds: 0.7 more doubles the odds",
  decision: "how far it is on the one side of the border",
  "squared distance": "how much nearer it is, as squared distance",
};

/** A class as it is called; clusters have numbers alone. */
const called = (label: Label, unit: string): string =>
  unit === "squared distance" ? `cluster ${String(label)}` : `“${String(label)}”`;

function Why({ why, picture }: { why: Explanation; picture: Drawn | undefined }) {
  const { base, margin, unit } = why;
  const [label, against] = [called(why.label, unit), called(why.against, unit)];
  return (
    <section aria-labelledby="why">
      <h2 id="why">Why {label}, and not {against}</h2>
      <Because why={why} picture={picture} />
      <p class="soft">
        It begins at {number(base)}, before anything is known. All parts together make {number(margin)} ({UNITS[unit] ?? unit}). Above 0
        stands for {label}, below 0 for {against}.
      </p>
    </section>
  );
}

function Because({ why, picture }: { why: Explanation; picture: Drawn | undefined }) {
  const { attributions, base, margin, rest } = why;
  const title = `What speaks for ${called(why.label, why.unit)} (to the right) and against it`;
  const around = (bars: Bar[], more = 0): Bar[] => {
    const sorted = [...bars].sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
    const others = more + sorted.slice(MOST).reduce((sum, each) => sum + each.value, 0);
    return [
      { name: "Where it begins", value: base },
      ...sorted.slice(0, MOST),
      ...(others ? [{ name: "All others", value: others }] : []),
      { name: "Sum", value: margin },
    ];
  };
  if (!Array.isArray(attributions))
    return <Bars title={title} of="Column" figure="Part" bars={around(Object.entries(attributions).map(([name, value]) => ({ name, value })), rest)} />;
  if (picture) return <Heat picture={picture} parts={attributions as number[][] | number[][][]} />;
  if (attributions.length && !Array.isArray(attributions[0])) return <Text tokens={attributions as Token[]} bars={around} title={title} />;
  const steps = (attributions as number[][]).map((step, place) => ({ name: `Step ${place + 1}`, value: step.reduce((sum, each) => sum + each, 0) }));
  return <Bars title={title} of="Step" figure="Part" bars={around(steps)} />;
}

function Text({ tokens, bars, title }: { tokens: Token[]; bars: (parts: Bar[]) => Bar[]; title: string }) {
  const most = tokens.reduce((largest, each) => Math.max(largest, Math.abs(each.value)), 1e-12);
  return (
    <>
      <p class="tokens">
        {tokens.map((each, place) => (
          <span key={place} class={each.value < 0 ? "against" : "for"} style={{ "--share": `${(45 * Math.abs(each.value)) / most}%` }}>{each.text} </span>
        ))}
      </p>
      <Bars title={title} of="Word" figure="Part" bars={bars(tokens.map((each, place) => ({ name: `${each.text} (${place + 1}.)`, value: each.value })))} />
    </>
  );
}

/** Which pixels spoke for the label, and which against it, over the picture as it was sent. */
function Heat({ picture, parts }: { picture: Drawn; parts: number[][] | number[][][] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const flat = parts.flat().map(each => (Array.isArray(each) ? each.reduce((sum, part) => sum + part, 0) : each));
  useEffect(() => {
    const most = flat.reduce((largest, each) => Math.max(largest, Math.abs(each)), 1e-12);
    const image = shown(picture);
    flat.forEach((part, place) => {
      const strength = Math.abs(part) / most;
      const colour = part > 0 ? [61, 125, 255] : [255, 122, 26];
      for (let c = 0; c < 3; c++) {
        const dim = (image.data[place * 4 + c] ?? 0) * 0.45;
        image.data[place * 4 + c] = dim + ((colour[c] ?? 0) - dim) * strength;
      }
    });
    canvas.current?.getContext("2d")?.putImageData(image, 0, 0);
  }, [parts]);
  const sum = (positive: boolean) => flat.reduce((all, each) => all + (each > 0 === positive ? each : 0), 0);
  return (
    <>
      <canvas class="heat" ref={canvas} width={picture.width} height={picture.height} role="img"
        aria-label={`Pixels that speak for the label add ${number(sum(true))}, those against it ${number(sum(false))}.`} />
      <p class="soft">Blue pixels speak for it, {number(sum(true))} in all; orange ones against it, {number(sum(false))}.</p>
    </>
  );
}
