// What is drawn of an interval: all of it, and 0 beside it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { span } from "../src/charts/interval.tsx";
import { spanOf } from "../src/parts/span.tsx";

test("an interval is drawn whole, with 0 and some room", () => {
  for (const [low, high] of [[-0.2, -0.1], [0.1, 0.2], [-0.1, 0.3], [0, 0]] as const) {
    const [from, to] = span(low, high);
    assert.ok(from < Math.min(0, low) && to > Math.max(0, high), `${low} to ${high}`);
  }
});

test("the days of a page are those of its address, else the last seven", () => {
  const now = Date.UTC(2026, 10, 27, 12);
  assert.deepEqual(spanOf(new URLSearchParams(), now), { from: "2026-11-21", till: "2026-11-27" });
  assert.deepEqual(spanOf(new URLSearchParams({ from: "2026-10-01", to: "2026-10-02" }), now), { from: "2026-10-01", till: "2026-10-02" });
});
