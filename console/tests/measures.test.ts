// Which figure stands for a version, and which of two is the better.
import assert from "node:assert/strict";
import { test } from "node:test";
import { figures, headline, lowerIsBetter, named, valued } from "../src/parts/measures.ts";

test("held-out figures stand for a version before those of the rows trained on", () => {
  const metrics = { training: { accuracy: 0.9 }, test: { log_loss: 0.3, accuracy: 0.8, confusion_matrix: [[1]] } };
  assert.deepEqual(headline(metrics), ["accuracy", 0.8]);
  assert.deepEqual(headline({ training: { inertia: 3, silhouette: 0.5 } }), ["silhouette", 0.5]);
  assert.equal(headline(null), null);
  assert.equal(headline({}), null);
});

test("only numbers are figures, and each name comes once", () => {
  assert.deepEqual(figures({ accuracy: 1, confusion_matrix: [[1]] }), [["accuracy", 1]]);
  assert.deepEqual(named({ log_loss: 1, accuracy: 1 }, { accuracy: 1, hinge_loss: 1 }, undefined), ["accuracy", "log_loss", "hinge_loss"]);
});

test("a loss is better when it is lower", () => {
  assert.deepEqual(["log_loss", "inertia", "accuracy", "roc_auc"].map(lowerIsBetter), [true, true, false, false]);
});

test("what everybody understands comes first, and a share of rows has its sign", () => {
  const names = figures({ log_loss: 1, f1_macro: 1, balanced_accuracy: 1, baseline: 1, accuracy: 1 }).map(([name]) => name);
  assert.deepEqual(names, ["accuracy", "baseline", "balanced_accuracy", "log_loss", "f1_macro"]);
  const share = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });
  assert.equal(valued("accuracy", 0.97222), share.format(0.97222));
  assert.equal(valued("log_loss", 0.5), new Intl.NumberFormat().format(0.5));
});
