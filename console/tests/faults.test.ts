// Which field a fault is of; paths are as ml_core.errors.member writes them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { against, elsewhere, member } from "../src/parts/faults.ts";

test("a member's path is written as the service writes it", () => {
  assert.equal(member("$.types", "age"), "$.types.age");
  assert.equal(member("$.types", "any name"), '$.types["any name"]');
  assert.equal(member("$.types", "naïve"), '$.types["naïve"]');
  assert.equal(member("$.types", "x".repeat(61)), `$.types["${"x".repeat(57)}..."]`);
});

test("a fault is of its place and of what that is in, and of no other that begins alike", () => {
  const faults = ["$.types.age", "$.types.age_2", "$.split.column", "$.missing[0]", "$"].map(path => ({ path, message: path }));
  assert.deepEqual(against(faults, "$.types.age"), ["$.types.age"]);
  assert.deepEqual(against(faults, "$.split"), ["$.split.column"]);
  assert.deepEqual(against(faults, "$.missing"), ["$.missing[0]"]);
  const rest = elsewhere(faults, ["$.types.age", "$.split", "$.missing"]);
  assert.deepEqual(rest.map(fault => fault.path), ["$.types.age_2", "$"]);
});
