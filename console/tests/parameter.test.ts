// What is written in the field of a hyperparameter, as it is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { suggestions, valueOf } from "../src/parts/parameter.tsx";

test("numbers, lists and words are what they look like", () => {
  assert.equal(valueOf(" 0.5 ", { type: "number" }), 0.5);
  assert.equal(valueOf("1e-3", { type: "number" }), 0.001);
  assert.deepEqual(valueOf("32, 64", { type: "array" }), [32, 64]);
  assert.deepEqual(valueOf("[32]", { type: "array" }), [32]);
  assert.deepEqual(valueOf('{"yes": 2}', { anyOf: [] }), { yes: 2 });
  assert.equal(valueOf("null", {}), null);
  assert.equal(valueOf("balanced", {}), "balanced");
});

test("what is no value is sent as words, for the service to say so", () => {
  assert.equal(valueOf("0,5", { type: "number" }), "0,5");
  assert.equal(valueOf("32; 64", { type: "array" }), "32; 64");
});

test("the words that a field takes beside numbers are suggested", () => {
  const stops = { anyOf: [{ enum: [null, "auto"] }, { type: "integer" }], default: "auto" };
  assert.deepEqual(suggestions(stops), ["null"]);
  assert.equal(valueOf("null", stops), null);
  assert.deepEqual(suggestions({ type: "number" }), []);
});
