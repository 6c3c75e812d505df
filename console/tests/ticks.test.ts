// The figures at an axis.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ticks } from "../src/charts/line.tsx";

test("ticks are round, few and within the range", () => {
  assert.deepEqual(ticks(0, 1, 4), [0, 0.5, 1]);
  assert.deepEqual(ticks(1, 8, 5), [2, 4, 6, 8]);
  assert.deepEqual(ticks(-0.3, 0.3, 4), [-0.2, 0, 0.2]);
  for (const [from, to] of [[1e-9, 3e-9], [0, 1e12], [-5, 1e6], [0.1, 0.1000001]] as const) {
    const found = ticks(from, to, 5);
    assert.ok(found.length >= 2 && found.length <= 6, `${found}`);
    assert.ok(found.every(tick => tick >= from - 1e-6 * (to - from) && tick <= to + 1e-6 * (to - from)), `${found}`);
  }
});
