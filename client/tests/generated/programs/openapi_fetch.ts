// Trains, predicts and infers by the types that openapi-typescript made of the service's description.
import createClient from "openapi-fetch";
import type { components, paths } from "./ml_service";

type Job = components["schemas"]["Job"];
type TrainRequest = components["schemas"]["TrainRequest"];
type Problem = components["schemas"]["Problem"];

const MODEL = "generated-fetch";
const PLAIN = "generated-fetch-plain";
const client = createClient<paths, "application/json">({ baseUrl: process.env.URL! });

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

// The job of a training, once it is over.
async function finished(model: string, body: TrainRequest): Promise<Job> {
  const begun = await client.POST("/v1/models/{model}:train", {
    params: { path: { model }, header: { prefer: "wait=20" } },
    body,
  });
  check(begun.data, JSON.stringify(begun.error));
  let job: Job = begun.data;
  while (job.state === "queued" || job.state === "running") {
    await new Promise(resolve => setTimeout(resolve, 200));
    const { data, error } = await client.GET("/v1/jobs/{job}", { params: { path: { job: job.id } } });
    check(data, JSON.stringify(error));
    job = data;
  }
  check(job.state === "succeeded", JSON.stringify(job.error));
  return job;
}

async function main(): Promise<void> {
  const mixed: TrainRequest = {
    algorithm: "logistic_regression",
    feature_names: ["grams", "colour"],
    instances: [
      [120, "red"], [130, "red"], [null, "red"], [118, "yellow"],
      [170, "yellow"], [160, null], [155, "yellow"], [175, "yellow"],
    ],
    targets: ["apple", "apple", "apple", "apple", "quince", "quince", "quince", "quince"],
    hyperparameters: { C: 0.5 },
    test_fraction: 0,
  };
  const job = await finished(MODEL, mixed);
  check(job.version === 1, "the first version");

  const path = { model: MODEL };
  const { data: answer, error } = await client.POST("/v1/models/{model}:predict", {
    params: { path },
    body: { instances: [[125, "red"], [null, "yellow"], [172, null]] },
  });
  check(answer, JSON.stringify(error));

  const named = await client.POST("/v1/models/{model}/versions/{version}:predict", {
    params: { path: { model: MODEL, version: "1" } },
    body: {
      instances: [{ grams: 172, colour: "yellow", customer: 7 }],
      outputs: ["label", "probability"],
      unknown_columns: "ignore",
    },
  });
  const [outputs] = named.data?.predictions ?? [];
  check(typeof outputs === "object", JSON.stringify(named.error));

  const table = await client.POST("/v1/models/{model}:predict", {
    params: { path },
    headers: { "Content-Type": "text/csv" },
    body: "grams,colour\n125,red\n,yellow\n",
    bodySerializer: body => body,
  });
  check(table.data, JSON.stringify(table.error));

  const version = await client.GET("/v1/models/{model}/versions/{version}", {
    params: { path: { model: MODEL, version: "1" } },
  });
  const models = await client.GET("/v1/models", {});
  const plain = { params: { path: { model: PLAIN } } };
  const refused = await client.POST("/v1/models/{model}:train", {
    ...plain,
    body: { algorithm: "kmeans", instances: [[1, 2], [1, 3], [9, 8], [9, 9]], test_fraction: 0 },
  });
  check(refused.response.status === 422 && refused.error, "too few rows for eight clusters");

  await finished(PLAIN, {
    algorithm: "logistic_regression",
    instances: [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]],
    targets: ["apple", "apple", "quince", "quince"],
    test_fraction: 0,
  });
  const inferred = await client.POST("/v2/models/{model}/infer", {
    ...plain,
    body: {
      inputs: [{ name: "input-0", shape: [2, 2], datatype: "FP64", data: [121, 0.9, 171, 0.2] }],
      outputs: [{ name: "predict" }],
    },
  });
  check(inferred.data, JSON.stringify(inferred.error));

  const wrong = await client.POST("/v1/models/{model}:predict", { params: { path }, body: { instances: [[125]] } });
  check(wrong.response.status === 422 && wrong.error, "a row with a value too few");
  const problem: Problem = wrong.error;

  console.log(JSON.stringify({
    labels: answer.predictions,
    label: outputs.label,
    probability: outputs.probability,
    "from a table": table.data.predictions,
    algorithm: version.data?.algorithm,
    models: models.data?.models.filter(name => name === MODEL || name === PLAIN).sort(),
    inferred: inferred.data.outputs[0]?.data,
    training: refused.error.faults?.map(fault => fault.path),
    code: problem.code,
    faults: problem.faults?.map(fault => [fault.path, fault.message]),
  }));
}

void main();
