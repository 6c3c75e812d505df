// Then and now: two bars for each name, as shares of all rows.
import { share } from "../parts/format.ts";
import type { Shares } from "../answers.ts";

export interface Pair extends Shares {
  name: string;
}

export function Pairs({ title, of, pairs, then }: { title: string; of: string; pairs: Pair[]; then: string }) {
  const most = Math.max(1e-9, ...pairs.flatMap(each => [each.training ?? 0, each.now ?? 0]));
  const bar = (value: number | null, kind: string) => (
    <svg viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden="true">
      <rect class={kind} x="0" y="0" height="5" width={((value ?? 0) * 100) / most} />
    </svg>
  );
  const written = (value: number | null) => (value === null ? "–" : share(value));
  return (
    <table class="bars pairs">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">{of}</th><td />
          <th scope="col" class="number then">{then}</th><th scope="col" class="number now">Now</th>
        </tr>
      </thead>
      <tbody>
        {pairs.map(each => (
          <tr key={each.name}>
            <th scope="row">{each.name}</th>
            <td>{bar(each.training, "then")}{bar(each.now, "above")}</td>
            <td class="number">{written(each.training)}</td>
            <td class="number">{written(each.now)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
