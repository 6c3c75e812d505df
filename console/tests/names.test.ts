// A name that is proposed can be taken as it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { matching, NAMED, proposed } from "../src/parts/names.ts";

test("a file's name becomes a dataset's", () => {
  assert.equal(proposed("churn.csv"), "churn");
  assert.equal(proposed("Kunden 2024 (neu).CSV"), "Kunden-2024-neu");
  assert.equal(proposed("épices.v2.parquet"), "epices.v2");
  assert.equal(proposed("<img src=x>.csv"), "img-src-x");
});

test("whatever a file is called, the service takes the name", () => {
  for (const file of ["", ".csv", "…", "数据.csv", "_a_.csv", "a..csv", `${"x".repeat(62)}..csv`, "x".repeat(200), "-.-", "__proto__"])
    assert.match(proposed(file), NAMED, file);
});

test("a column is found by a part of its name", () => {
  assert.deepEqual(matching(["Age", "page", "size"], " AGE"), ["Age", "page"]);
  assert.deepEqual(matching(["a", "b"], ""), ["a", "b"]);
});
