// How the cells of a confusion matrix are coloured.
import assert from "node:assert/strict";
import { test } from "node:test";
import { shade } from "../src/charts/matrix.tsx";

test("a cell is coloured by its share of the line, and a rare mistake is still seen", () => {
  assert.deepEqual([shade(0, 10), shade(0, 0), shade(10, 10), shade(5, 10), shade(1, 1_000)], [0, 0, 45, 22.5, 10]);
});
