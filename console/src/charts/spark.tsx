// A small line: how a figure went from version to version.
const [WIDTH, HEIGHT, EDGE] = [96, 24, 3];

export function Spark({ values, label }: { values: number[]; label: string }) {
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (place: number) => EDGE + (place * (WIDTH - 2 * EDGE)) / (values.length - 1);
  const y = (value: number) => (high === low ? HEIGHT / 2 : HEIGHT - EDGE - ((value - low) * (HEIGHT - 2 * EDGE)) / (high - low));
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  const last = values.length - 1;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <polyline points={points.join(" ")} />
      <circle cx={x(last)} cy={y(values[last] ?? low)} r="2.5" />
    </svg>
  );
}
