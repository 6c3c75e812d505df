// All datasets, and a place to bring one.
import type { ListedDatasets } from "../answers.ts";
import { useKept, useLive } from "../live.ts";
import { Find } from "../parts/find.tsx";
import { size } from "../parts/format.ts";
import { BEGINNING } from "../parts/names.ts";
import { Pager } from "../parts/pager.tsx";
import { Empty, Shown } from "../parts/states.tsx";
import { Time } from "../parts/time.tsx";
import { Upload } from "../parts/upload.tsx";
import { to } from "../router.ts";

const [PAGE, EVERY] = [50, 20_000];

export function Datasets({ query }: { query: URLSearchParams }) {
  const [after, prefix] = [query.get("after"), query.get("prefix") ?? ""];
  const asked = new URLSearchParams({ limit: String(PAGE), ...(after && { after }), ...(prefix && { prefix }) });
  const none = prefix !== "" && !BEGINNING.test(prefix);
  const datasets = useKept(useLive<ListedDatasets>(none ? null : `/v1/datasets?${asked}`, () => EVERY));
  const many = prefix || after || datasets.value?.next_after;
  const taken = datasets.value?.datasets.map(each => each.name) ?? [];
  return (
    <>
      <header class="page">
        <h1>Datasets</h1>
      </header>
      <Upload taken={taken} done={name => { location.hash = to("datasets", name); }} />
      {many && <Find page="datasets" prefix={prefix} />}
      {none ? <Listed listed={NONE} prefix={prefix} first /> : (
        <Shown of={datasets}>{listed => <Listed listed={listed} prefix={prefix} first={!after} />}</Shown>
      )}
    </>
  );
}

const NONE: ListedDatasets = { datasets: [], next_after: null };

function Listed({ listed, prefix, first }: { listed: ListedDatasets; prefix: string; first: boolean }) {
  if (!listed.datasets.length && prefix)
    return <Empty title="No dataset is called so"><p>No name begins with “{prefix}”. <a href={to("datasets")}>All datasets</a></p></Empty>;
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
              <td class="number">{size(each.size)}</td>
              <td><Time at={each.uploaded} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pager page="datasets" prefix={prefix} first={first} next={listed.next_after} />
    </>
  );
}
