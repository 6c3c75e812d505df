// A difference with the interval in which it may be, beside none at all. What it says stands in words beside it.
import { number } from "../parts/format.ts";
import { ticks } from "./line.tsx";

const [WIDTH, HEIGHT, LINE, EDGE] = [360, 64, 22, 24];

export function Interval({ title, value, low, high, better }: {
  title: string;
  value: number;
  low: number;
  high: number;
  /** On which side of 0 a value is good. */
  better: "less" | "more";
}) {
  const [from, to] = span(low, high);
  const across = (at: number) => EDGE + ((at - from) * (WIDTH - 2 * EDGE)) / (to - from);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        <text x={better === "less" ? EDGE : WIDTH - EDGE} y="10" text-anchor={better === "less" ? "start" : "end"}>
          {better === "less" ? "← better" : "better →"}
        </text>
        {ticks(from, to, 4).map(each => (
          <text key={each} x={across(each)} y={HEIGHT - 4} text-anchor="middle">{number(each)}</text>
        ))}
        <line class="axis" x1={EDGE} x2={WIDTH - EDGE} y1={HEIGHT - 20} y2={HEIGHT - 20} />
        <line class="axis" x1={across(0)} x2={across(0)} y1={LINE - 8} y2={HEIGHT - 16} stroke-dasharray="3 3" />
        <g class="line">
          <polyline points={`${across(low)},${LINE} ${across(high)},${LINE}`} />
          <polyline points={`${across(low)},${LINE - 5} ${across(low)},${LINE + 5}`} />
          <polyline points={`${across(high)},${LINE - 5} ${across(high)},${LINE + 5}`} />
          <circle cx={across(value)} cy={LINE} r="4" />
        </g>
      </svg>
    </figure>
  );
}

/** From where to where is drawn: the interval and 0, with some room. */
export function span(low: number, high: number): [number, number] {
  const [from, to] = [Math.min(0, low), Math.max(0, high)];
  const room = (to - from) / 10 || 0.1;
  return [from - room, to + room];
}
