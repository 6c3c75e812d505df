// Lines over two axes: a loss by its epochs, a ROC, a calibration.
import { number } from "../parts/format.ts";

export interface Series {
  name: string;
  /** Pairs of x and y; a y of null is no finite number, and leaves a gap. */
  points: [number, number | null][];
  /** Dashed and pale: what others are compared with. */
  dashed?: boolean;
}

const [WIDTH, HEIGHT, LEFT, BELOW, EDGE] = [360, 220, 60, 36, 10];
const MIDDLE = (HEIGHT - BELOW + EDGE) / 2;
const COLOURS = 5;
const MOST_TOLD = 12;

/**
 * A figure of one or more series. `x` and `y` name the axes; a range that is not given is that of the points.
 * Who sees no picture gets its figures, at most twelve of each series, as a table.
 */
export function Line({ title, x, y, series, xRange, yRange }: {
  title: string;
  x: string;
  y: string;
  series: Series[];
  xRange?: [number, number];
  yRange?: [number, number];
}) {
  const points = series.flatMap(each => each.points);
  const ys = points.flatMap(([, value]) => (value === null ? [] : [value]));
  if (!ys.length) return null;
  const [fromX, toX] = xRange ?? wide(points.map(([at]) => at));
  const [fromY, toY] = yRange ?? wide(ys);
  const across = (value: number) => LEFT + ((value - fromX) * (WIDTH - LEFT - EDGE)) / (toX - fromX);
  const up = (value: number) => HEIGHT - BELOW - ((value - fromY) * (HEIGHT - BELOW - EDGE)) / (toY - fromY);
  const colour = (place: number) => `line c${place % COLOURS}`;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {ticks(fromY, toY, 4).map(value => (
          <g key={value}>
            <line class="grid" x1={LEFT} x2={WIDTH - EDGE} y1={up(value)} y2={up(value)} />
            <text x={LEFT - 5} y={up(value) + 4} text-anchor="end">{number(value)}</text>
          </g>
        ))}
        {ticks(fromX, toX, 5).map(value => (
          <text key={value} x={across(value)} y={HEIGHT - BELOW + 15} text-anchor="middle">{number(value)}</text>
        ))}
        <text class="title" x={(LEFT + WIDTH - EDGE) / 2} y={HEIGHT - 4} text-anchor="middle">{x}</text>
        <text class="title" x="11" y={MIDDLE} transform={`rotate(-90 11 ${MIDDLE})`} text-anchor="middle">{y}</text>
        <line class="axis" x1={LEFT} x2={WIDTH - EDGE} y1={HEIGHT - BELOW} y2={HEIGHT - BELOW} />
        {series.map((each, place) => (
          <g key={each.name} class={each.dashed ? "line dashed" : colour(place)}>
            {runs(each.points).map(run =>
              run.length === 1 && run[0] ? (
                <circle key={run[0][0]} cx={across(run[0][0])} cy={up(run[0][1])} r="3" />
              ) : (
                <polyline key={run[0]?.[0]} points={run.map(([a, b]) => `${across(a).toFixed(1)},${up(b).toFixed(1)}`).join(" ")} />
              ),
            )}
          </g>
        ))}
      </svg>
      {(series.length > 1 || series[0]?.name !== title) && (
        <ul class="legend" aria-hidden="true">
          {series.map((each, place) => (
            <li key={each.name}>
              <svg viewBox="0 0 20 6" class={each.dashed ? "line dashed" : colour(place)}><polyline points="0,3 20,3" /></svg> {each.name}
            </li>
          ))}
        </ul>
      )}
      <Told title={title} x={x} y={y} series={series} />
    </figure>
  );
}

function Told({ title, x, y, series }: { title: string; x: string; y: string; series: Series[] }) {
  return (
    <div class="unseen">
      <table>
        <caption>{title}</caption>
        <thead>
          <tr><th scope="col">Line</th><th scope="col">{x}</th><th scope="col">{y}</th></tr>
        </thead>
        <tbody>
          {series.flatMap(each =>
            thinned(each.points).map(([at, value], place) => (
              <tr key={`${each.name} ${place}`}>
                <th scope="row">{each.name}</th><td>{number(at)}</td><td>{value === null ? "none" : number(value)}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  );
}

/** Round figures between two, some `most` of them. */
export function ticks(from: number, to: number, most: number): number[] {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find(each => each * power >= rough) ?? 10);
  const found: number[] = [];
  for (let place = Math.ceil(from / step - 1e-9); place * step <= to + step * 1e-9 && found.length < 20; place++)
    found.push(Number((place * step).toPrecision(12)));
  return found;
}

function wide(values: number[]): [number, number] {
  const [low, high] = values.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)], [Infinity, -Infinity]);
  if (low < high) return [low, high];
  const around = Math.abs(low) / 2 || 1;
  return [low - around, low + around];
}

function runs(points: [number, number | null][]): [number, number][][] {
  const found: [number, number][][] = [[]];
  for (const [at, value] of points)
    if (value === null) found.push([]);
    else found.at(-1)?.push([at, value]);
  return found.filter(run => run.length);
}

function thinned<T>(items: T[]): T[] {
  if (items.length <= MOST_TOLD) return items;
  const step = (items.length - 1) / (MOST_TOLD - 1);
  return Array.from({ length: MOST_TOLD }, (_, place) => items[Math.round(place * step)] as T);
}
