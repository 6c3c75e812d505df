// All datasets, and a place to bring one.
import type { ListedDatasets } from "../answers.ts";
import { Find, NoneFound, useNarrowed } from "../parts/find.tsx";
import { size } from "../parts/format.ts";
import { Pager } from "../parts/pager.tsx";
import { Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { Upload } from "../parts/upload.tsx";
import { to } from "../router.ts";

const EVERY = 20_000;

export function Datasets({ query }: { query: URLSearchParams }) {
  const { listed: datasets, prefix, first, many } = useNarrowed("/v1/datasets", query, NONE, () => EVERY);
  const taken = datasets.value?.datasets.map(each => each.name) ?? [];
  return (
    <>
      <header class="page">
        <h1>Datasets</h1>
      </header>
      <Upload taken={taken} done={name => { location.hash = to("datasets", name); }} />
      {many && <Find page="datasets" prefix={prefix} />}
      <Shown of={datasets}>{listed => <Listed listed={listed} prefix={prefix} first={first} />}</Shown>
    </>
  );
}

const NONE: ListedDatasets = { datasets: [], next_after: null };

function Listed({ listed, prefix, first }: { listed: ListedDatasets; prefix: string; first: boolean }) {
  if (!listed.datasets.length && prefix)
    return <NoneFound title="No dataset is called so" prefix={prefix} page="datasets" all="All datasets" />;
  if (!listed.datasets.length && first) return <p class="state">There is no dataset yet. Bring a file, and train a model from it.</p>;
  return (
    <>
      <table>
        <thead>
          <tr><th scope="col">Name</th><th scope="col" class="number">Size</th><th scope="col">Uploaded</th></tr>
        </thead>
        <tbody>
          {listed.datasets.map(each => (
            <tr key={each.name}>
              <td class="said"><a href={to("datasets", each.name)}>{each.name}</a></td>
              <td class="number">{each.size === null ? "private" : size(each.size)}</td>
              <td><Time at={each.uploaded} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pager page="datasets" prefix={prefix} first={first} next={listed.next_after} />
    </>
  );
}
