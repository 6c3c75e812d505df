// Which training a form stands for.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Algorithm, Dataset, DescribedColumn, Description, Job } from "../src/answers.ts";
import { choiceOf, fitting, kindsOf, likely, mayBeTarget, optionsOf, requestOf, shapeOf, type Choice } from "../src/pages/train/request.ts";

const algorithm = (name: string, task: string, takes: string[], available = true): Algorithm => ({
  name, task, takes, available, title: name, summary: "", private_hyperparameters: null, hyperparameters: { properties: { C: { type: "number" }, sizes: { type: "array" } } },
});
const ALGORITHMS = [
  algorithm("cnn", "classification", ["image"]),
  algorithm("kmeans", "clustering", ["table"]),
  algorithm("linear", "classification", ["table"]),
  algorithm("rnn", "classification", ["sequence", "text"]),
  algorithm("away", "classification", ["table"], false),
];
const column = (name: string, type: string, distinct: number): DescribedColumn => ({ name, type, distinct, missing: 0 });
const described = (...columns: DescribedColumn[]): Description => ({ format: "csv", complete: true, warnings: [], columns });
const DATASET = { name: "d", uri: "dataset://d/1" } as Dataset;
const CHOICE: Choice = {
  model: "m", algorithm: "", target: "kind", kind: "table", text: "", id: "", order: "", image: "",
  hyperparameters: {}, fraction: "", by: "random", splitColumn: "", epsilon: "", delta: "", bounds: {}, words: {}, classes: "",
};

test("algorithms are offered that take the data and are installed, what tells classes first", () => {
  const names = (description: Description) => fitting(ALGORITHMS, description).map(each => each.name);
  assert.deepEqual(names(described(column("a", "number", 9), column("kind", "category", 2))), ["linear", "kmeans"]);
  assert.deepEqual(names(described(column("text", "category", 90))), ["linear", "kmeans", "rnn"]);
  const texts = { ...column("text", "category", 90), left_out: "it holds another word in each row" };
  assert.deepEqual(names(described(texts, column("kind", "category", 2))), ["rnn", "linear", "kmeans"], "what else there is is left out");
  const quantities = { ...described(column("a", "number", 90), column("b", "integer", 90)), rows: 100 };
  assert.deepEqual(names(quantities)[0], "kmeans", "none has classes to tell");
  assert.deepEqual(names({ ...described(), kind: "pictures" }), ["cnn"]);
  assert.deepEqual(names({ ...described(), kind: "sequences" }), ["rnn"]);
});

test("a table may be taken for texts or for steps", () => {
  const rnn = ALGORITHMS[3] as Algorithm;
  assert.deepEqual(kindsOf(rnn, described(column("text", "category", 90), column("a", "number", 9), column("b", "integer", 9))), ["text", "steps"]);
  const steps = { ...described(column("machine", "category", 90), column("a", "number", 9), column("b", "integer", 9)), rows: 1_000 };
  assert.deepEqual(kindsOf(rnn, steps), ["steps", "text"], "words that come again name sequences");
});

test("pictures that may be in a table are taken for squares", () => {
  const pixels = (count: number) => Array.from({ length: count }, (_, place) => column(`p${place}`, "integer", 9));
  assert.equal(shapeOf([...pixels(64), column("label", "integer", 10)], "label"), "8, 8, 1");
  assert.equal(shapeOf(pixels(3 * 32 * 32), ""), "32, 32, 3");
  assert.equal(shapeOf(pixels(65), ""), "");
  assert.equal(shapeOf(pixels(16), ""), "");
});

test("the target is what is called so, else the last column of few values that is not left out", () => {
  const [many, few, left] = [column("id", "category", 90), column("kind", "boolean", 2), { ...column("x", "category", 2), left_out: "so" }];
  assert.equal(likely([few, many, left]), "kind");
  assert.equal(likely([column("Label", "category", 3), few]), "Label");
  assert.equal(likely([many, column("a", "number", 5)]), "");
});

test("only what was chosen is said", () => {
  const linear = ALGORITHMS[2] as Algorithm;
  assert.deepEqual(requestOf(CHOICE, linear, DATASET, described(), {}), {
    algorithm: "linear", hyperparameters: {}, data: { uri: "dataset://d/1", target: "kind" },
  });
  const more = { ...CHOICE, hyperparameters: { C: "0.5", sizes: "8, 4", gone: "1" }, fraction: "0", by: "time", splitColumn: "when" };
  assert.deepEqual(requestOf(more, linear, DATASET, described(), { dayfirst: true, exclude: ["id"] }), {
    algorithm: "linear", hyperparameters: { C: 0.5, sizes: [8, 4] }, test_fraction: 0,
    data: { uri: "dataset://d/1", target: "kind", dayfirst: true, exclude: ["id"] }, split: { by: "time", column: "when" },
  });
  const clusters = requestOf(CHOICE, ALGORITHMS[1] as Algorithm, DATASET, described(), {}) as { data: object };
  assert.deepEqual(clusters.data, { uri: "dataset://d/1" });
  const steps = requestOf({ ...CHOICE, kind: "steps", id: "who" }, ALGORITHMS[3] as Algorithm, DATASET, described(), {}) as { data: object };
  assert.deepEqual(steps.data, { uri: "dataset://d/1", target: "kind", sequence: { id: "who" } });
});

test("a job leads back to the form with what was chosen for it", () => {
  const asked = (choice: Choice, algorithm: number, options = {}) => {
    const request = requestOf(choice, ALGORITHMS[algorithm] as Algorithm, DATASET, described(), options);
    return { model: choice.model, request } as unknown as Job;
  };
  const options = { types: { a: "date" }, dayfirst: true, exclude: ["b"] };
  const job = asked({ ...CHOICE, hyperparameters: { C: "0.5", sizes: "8, 4" }, fraction: "0", by: "time", splitColumn: "when" }, 2, options);
  assert.deepEqual(optionsOf(job), options);
  assert.deepEqual({ ...CHOICE, kind: "", ...choiceOf(job, ALGORITHMS) }, {
    ...CHOICE, kind: "", algorithm: "linear", hyperparameters: { C: "0.5", sizes: "8, 4" }, fraction: "0", by: "time", splitColumn: "when",
  });
  for (const choice of [
    { ...CHOICE, algorithm: "rnn", kind: "steps", id: "who", order: "when" },
    { ...CHOICE, algorithm: "rnn", kind: "text", text: "said" },
    { ...CHOICE, algorithm: "cnn", kind: "pixels", image: "8, 8, 1" },
  ])
    assert.deepEqual({ ...CHOICE, ...choiceOf(asked(choice, choice.algorithm === "cnn" ? 0 : 3), ALGORITHMS) }, choice);
});

test("a private training says how the text is written, and leads back to the form", () => {
  const linear = { ...(ALGORITHMS[2] as Algorithm), private_hyperparameters: ["C"] };
  const choice: Choice = {
    ...CHOICE, algorithm: "linear", hyperparameters: { C: "0.5", sizes: "8, 4" }, by: "time", splitColumn: "when",
    epsilon: "1", delta: "1e-5", bounds: { a: ["0", "10"], b: ["", ""] }, words: { c: "x, y ,z", d: " " }, classes: "no, yes",
  };
  const read = { delimiter: ";", encoding: "utf-8", header: true };
  const request = requestOf(choice, linear, DATASET, { ...described(), read }, { types: { a: "date" }, decimal: ",", exclude: ["e"] });
  const { data, ...said } = request as { data: Record<string, unknown> };
  assert.deepEqual(said, {
    algorithm: "linear",
    hyperparameters: { C: 0.5 },
    privacy: { epsilon: 1, delta: 1e-5, bounds: { a: [0, 10] }, categories: { c: ["x", "y", "z"] }, classes: ["no", "yes"] },
  });
  assert.deepEqual([data["delimiter"], data["decimal"], data["types"], data["exclude"]], [";", ",", undefined, undefined]);
  const job = { model: choice.model, request } as unknown as Job;
  const { epsilon, delta, bounds, words, classes } = choiceOf(job, [linear]);
  assert.deepEqual([epsilon, delta, bounds, words, classes], ["1", "0.00001", { a: ["0", "10"] }, { c: "x, y, z" }, "no, yes"]);
  const kernel = { ...linear, private_hyperparameters: null };
  assert.ok(!("privacy" in requestOf(choice, kernel, DATASET, described(), {})));
});

test("of a job's hyperparameters those are written that are not the default", () => {
  const request = { algorithm: "linear", hyperparameters: { C: 1, kernel: "rbf", auto: "auto", scale: true }, data: null };
  const properties = { C: { default: 1 }, kernel: { enum: ["linear", "rbf"], default: "linear" }, auto: {}, scale: { type: "boolean" } };
  const known = [{ ...(ALGORITHMS[2] as Algorithm), hyperparameters: { properties } }];
  const { hyperparameters } = choiceOf({ model: "m", request } as unknown as Job, known);
  assert.deepEqual(hyperparameters, { kernel: '"rbf"', auto: "auto", scale: "true" });
});

test("what is another value in most rows is no class", () => {
  assert.ok(mayBeTarget(column("stars", "integer", 5), 10));
  assert.ok(!mayBeTarget(column("price", "integer", 6), 10));
  assert.ok(!mayBeTarget(column("one", "category", 1), 10));
});
