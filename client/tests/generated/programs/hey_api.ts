// Trains, predicts and infers by the client that hey-api made of the service's description.
import {
  getJob, getVersion, infer, listModels, predict, predictVersion, train,
  type Job, type Problem, type TrainRequest,
} from "./ml_service";
import { client } from "./ml_service/client.gen";

const MODEL = "generated-hey";
const PLAIN = "generated-hey-plain";
client.setConfig({ baseUrl: process.env.URL! });

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

// The job of a training, once it is over.
async function finished(model: string, body: TrainRequest): Promise<Job> {
  const begun = await train({ path: { model }, headers: { prefer: "wait=20" }, body });
  check(begun.data, JSON.stringify(begun.error));
  let job: Job = begun.data;
  while (job.state === "queued" || job.state === "running") {
    await new Promise(resolve => setTimeout(resolve, 200));
    const { data, error } = await getJob({ path: { job: job.id } });
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
  const { data: answer, error } = await predict({
    path,
    body: { instances: [[125, "red"], [null, "yellow"], [172, null]] },
  });
  check(answer && !(answer instanceof Blob), JSON.stringify(error));

  const named = await predictVersion({
    path: { model: MODEL, version: "1" },
    body: {
      instances: [{ grams: 172, colour: "yellow", customer: 7 }],
      outputs: ["label", "probability"],
      unknown_columns: "ignore",
    },
  });
  check(named.data && !(named.data instanceof Blob), JSON.stringify(named.error));
  const [outputs] = named.data.predictions ?? [];
  check(typeof outputs === "object", "an object with the outputs");

  const version = await getVersion({ path: { model: MODEL, version: "1" } });
  const models = await listModels();
  const refused = await train({
    path: { model: PLAIN },
    body: { algorithm: "kmeans", instances: [[1, 2], [1, 3], [9, 8], [9, 9]], test_fraction: 0 },
  });
  check(refused.response?.status === 422 && refused.error, "too few rows for eight clusters");

  await finished(PLAIN, {
    algorithm: "logistic_regression",
    instances: [[120, 0.9], [130, 0.8], [170, 0.2], [160, 0.1]],
    targets: ["apple", "apple", "quince", "quince"],
    test_fraction: 0,
  });
  const inferred = await infer({
    path: { model: PLAIN },
    body: {
      inputs: [{ name: "input-0", shape: [2, 2], datatype: "FP64", data: [121, 0.9, 171, 0.2] }],
      outputs: [{ name: "predict" }],
    },
  });
  check(inferred.data && !(inferred.data instanceof Blob), JSON.stringify(inferred.error));

  const wrong = await predict({ path, body: { instances: [[125]] } });
  check(wrong.response?.status === 422 && wrong.error, "a row with a value too few");
  const problem: Problem = wrong.error;

  console.log(JSON.stringify({
    labels: answer.predictions,
    label: outputs.label,
    probability: outputs.probability,
    algorithm: version.data?.algorithm,
    models: models.data?.models.filter(name => name === MODEL || name === PLAIN).sort(),
    inferred: inferred.data.outputs[0]?.data,
    training: refused.error.faults?.map(fault => fault.path),
    code: problem.code,
    faults: problem.faults?.map(fault => [fault.path, fault.message]),
  }));
}

void main();
