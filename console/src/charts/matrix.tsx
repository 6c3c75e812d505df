// Which class rows are of, and which they were taken for: a table whose cells are shaded by their share of the row.
import { count } from "../parts/format.ts";
import type { Label } from "../answers.ts";

const MOST_CLASSES = 25;
const MOST_MISTAKES = 15;

/** `cells[i][j]` are the rows of class i that were taken for class j. Of many classes only the mistakes are listed. */
export function Matrix({ title, classes, cells }: { title: string; classes: Label[]; cells: number[][] }) {
  if (classes.length > MOST_CLASSES) return <Mistakes title={title} classes={classes} cells={cells} />;
  return (
    <div class="wide" tabIndex={0} role="region" aria-label={title}>
      <p class="soft">A line is what rows are, a column what they were taken for: mistakes are orange.</p>
      <table class="matrix">
        <caption>{title}</caption>
        <thead>
          <tr>
            <td />
            {classes.map(each => <th key={String(each)} scope="col">{String(each)}</th>)}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, place) => {
            const all = row.reduce((sum, each) => sum + each, 0);
            return (
              <tr key={place}>
                <th scope="row">{String(classes[place])}</th>
                {row.map((each, column) => (
                  <td key={column} class={`number ${column === place ? "right" : each ? "wrong" : "none"}`}
                    style={{ "--share": `${shade(each, all)}%` }}>
                    {count(each)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** How strongly a cell is coloured: what is rare is still seen. */
export const shade = (rows: number, all: number): number => (rows ? Math.max(10, (45 * rows) / all) : 0);

function Mistakes({ title, classes, cells }: { title: string; classes: Label[]; cells: number[][] }) {
  const mistakes = cells
    .flatMap((row, is) => row.map((rows, taken) => ({ is, taken, rows })))
    .filter(each => each.is !== each.taken && each.rows)
    .sort((one, other) => other.rows - one.rows);
  return (
    <table>
      <caption>{title}: {mistakes.length ? "the most frequent mistakes" : "no mistake was made"}</caption>
      <thead>
        <tr><th scope="col">It is</th><th scope="col">It was taken for</th><th scope="col" class="number">Rows</th></tr>
      </thead>
      <tbody>
        {mistakes.slice(0, MOST_MISTAKES).map(each => (
          <tr key={`${each.is} ${each.taken}`}>
            <td>{String(classes[each.is])}</td><td>{String(classes[each.taken])}</td><td class="number">{count(each.rows)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
