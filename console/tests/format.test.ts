// Numbers and times; the locale is whatever this machine has.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, duration, method, metric, number, size } from "../src/parts/format.ts";

const NOW = Date.parse("2026-01-02T00:00:00Z");

test("a time is told by the largest unit that it has", () => {
  const said = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
  assert.equal(ago("2026-01-01T00:00:00Z", NOW), said.format(-1, "day"));
  assert.equal(ago("2026-01-01T23:00:00Z", NOW), said.format(-1, "hour"));
  assert.equal(ago("2026-01-02T00:02:00Z", NOW), said.format(2, "minute"));
  assert.equal(ago("2026-01-02T00:00:00Z", NOW), said.format(0, "second"));
});

test("a duration has at most two units, and is never below none", () => {
  assert.equal(duration(59.6), "1 min 0 s");
  assert.equal(duration(3_661), "1 h 1 min");
  assert.equal(duration(-5), "0 s");
});

test("a size has the unit that keeps it short", () => {
  assert.equal(size(0), "0 B");
  assert.equal(size(999), "999 B");
  assert.match(size(1_500_000), /^1.5 MB$/);
  assert.match(size(6_833), /^6.83 kB$/);
  assert.match(size(5e15), / TB$/);
});

test("a metric is called as a person calls it", () => {
  assert.equal(metric("roc_auc"), "ROC AUC");
  assert.equal(metric("log_loss"), "log loss");
  assert.equal(metric("f1_macro"), "F1 macro");
});

test("an algorithm is called as a person calls it, also one that is not known here", () => {
  assert.deepEqual(["kmeans", "logistic_regression", "constructor"].map(method), ["k-means", "logistic regression", "constructor"]);
});

test("a number far from one is a power of ten", () => {
  assert.match(number(2.602e-18), /^2.602E-18$/);
  assert.match(number(-1e20), /^-1E20$/);
  assert.equal(number(0), "0");
  assert.match(number(0.000012), /^0.000012$/);
});
