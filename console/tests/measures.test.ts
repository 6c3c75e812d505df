// Which figure stands for a version, and which of two is the better.
import assert from "node:assert/strict";
import { test } from "node:test";
import { figures, headline, lowerIsBetter, named } from "../src/parts/measures.ts";

test("held-out figures stand for a version before those of the rows trained on", () => {
  const metrics = { training: { accuracy: 0.9 }, test: { log_loss: 0.3, accuracy: 0.8, confusion_matrix: [[1]] } };
  assert.deepEqual(headline(metrics), ["accuracy", 0.8]);
  assert.deepEqual(headline({ training: { inertia: 3, silhouette: 0.5 } }), ["silhouette", 0.5]);
  assert.equal(headline(null), null);
  assert.equal(headline({}), null);
});

test("only numbers are figures, and each name comes once", () => {
  assert.deepEqual(figures({ accuracy: 1, confusion_matrix: [[1]] }), [["accuracy", 1]]);
  assert.deepEqual(named({ log_loss: 1, accuracy: 1 }, { accuracy: 1, hinge_loss: 1 }, undefined), ["log_loss", "accuracy", "hinge_loss"]);
});

test("a loss is better when it is lower", () => {
  assert.deepEqual(["log_loss", "inertia", "accuracy", "roc_auc"].map(lowerIsBetter), [true, true, false, false]);
});
