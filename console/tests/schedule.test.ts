// What a schedule begins with, and what of it is sent back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NEW, trained, written } from "../src/pages/schedule/written.ts";
import type { Version } from "../src/answers.ts";

const version = (data: object | null): Version =>
  ({ algorithm: "svm", hyperparameters: { C: 2 }, lineage: { data } }) as unknown as Version;

test("it begins with how the newest version was trained, on whatever is newest there", () => {
  const data = { uri: "dataset://churn/0123", target: "left" };
  assert.deepEqual(trained(version(data)), { algorithm: "svm", hyperparameters: { C: 2 }, data: { uri: "dataset://churn", target: "left" } });
  assert.deepEqual(trained(version({ uri: "s3://lake/a/b.csv" })).data, { uri: "s3://lake/a/b.csv" });
});

test("without an address there is one to be filled in", () => {
  for (const each of [undefined, version(null), version({ uri: null })]) assert.deepEqual(trained(each).data, { uri: "dataset://" });
});

test("what the service tells beside it is not sent back", () => {
  const told = { ...NEW, model: "m", etag: "e", writer: "ada", updated: "", next: null, runs: [], guard: null };
  assert.deepEqual(written(told), NEW);
});
