// Bars: lying ones with a name and a figure each, and small upright ones of a histogram.
import { count, number } from "../parts/format.ts";

export interface Bar {
  name: string;
  value: number;
  /** What stands behind the name in a softer hand. */
  note?: string;
}

/**
 * A table whose rows are bars, on both sides of zero where values are below it. It is read as a table.
 * `write` says how a value is written, and `most` what a whole bar stands for.
 */
export function Bars({ title, bars, of = "", figure = "", write = number, most }: {
  title: string;
  bars: Bar[];
  /** Headings of the names and of the values, for who hears the table. */
  of?: string;
  figure?: string;
  write?: (value: number) => string;
  most?: number;
}) {
  const high = Math.max(0, ...bars.map(each => each.value));
  const low = Math.min(0, ...bars.map(each => each.value));
  const whole = Math.max(most ?? 0, high - low) || 1;
  const zero = (-low * 100) / whole;
  return (
    <table class="bars">
      {title && <caption>{title}</caption>}
      <thead class="unseen">
        <tr><th scope="col">{of || "Name"}</th><td /><th scope="col">{figure || "Value"}</th></tr>
      </thead>
      <tbody>
        {bars.map(({ name, value, note }) => (
          <tr key={name}>
            <th scope="row">{name}{note && <span class="soft"> {note}</span>}</th>
            <td>
              <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class={value < 0 ? "below" : "above"} x={value < 0 ? zero + (value * 100) / whole : zero} y="0"
                  width={Math.abs(value * 100) / whole} height="10" />
                {low < 0 && <line class="axis" x1={zero} x2={zero} y1="0" y2="10" />}
              </svg>
            </td>
            <td class="number">{write(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const [WIDTH, HEIGHT] = [160, 44];

/** How many values lie between each two `edges`; `write` says how an edge is written. */
export function Histogram<T extends number | string>({ title, edges, counts, write }: {
  title: string;
  edges: T[];
  counts: number[];
  write: (edge: T) => string;
}) {
  const most = Math.max(1, ...counts);
  const wide = WIDTH / counts.length;
  const tall = (value: number) => (value * (HEIGHT - 1)) / most;
  const bin = (place: number) => `${write(edges[place] as T)} to ${write(edges[place + 1] as T)}: ${count(counts[place] ?? 0)}`;
  return (
    <svg class="histogram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img"
      aria-label={`${title}. ${counts.map((_, place) => bin(place)).join("; ")}`}>
      {counts.map((each, place) => (
        <rect key={place} x={place * wide} width={wide - 1} height={tall(each)} y={HEIGHT - 1 - tall(each)}>
          <title>{bin(place)}</title>
        </rect>
      ))}
      <line class="axis" x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
    </svg>
  );
}
