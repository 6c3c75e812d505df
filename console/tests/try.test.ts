// What the form begins with, and what of it is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ColumnSchema, Profile } from "../src/answers.ts";
import { begun, instanceOf, inverted, OTHER, rowOf, startOf, stepsOf } from "../src/pages/try/values.ts";

const columns: Record<string, ColumnSchema> = {
  age: { type: ["number", "string", "null"] },
  size: { type: "number" },
  active: { type: ["boolean", "string", "null"] },
  since: { type: ["string", "null"], description: "a date, or date and time", examples: ["2024-05-31"] },
  plan: { type: ["string", "null"], examples: ["basic", "pro"] },
};

test("a row begins with what a key may know, and what may be missing is left empty", () => {
  assert.deepEqual(startOf(columns, undefined), { age: "", size: "0", active: "", since: "2024-05-31", plan: "basic" });
  const profile: Profile = {
    columns: [
      { column: "age", kind: "number", bins: [10, 45.234, 80].map(mean => ({ from: null, to: null, count: 20, mean })) },
      { column: "active", kind: "boolean", bins: [0, 1].map(mean => ({ from: null, to: null, count: 9 - mean, mean })) },
      { column: "since", kind: "date", bins: [{ from: null, to: null, count: 20, mean: "2023-02-01T00:00:00+00:00" }] },
      { column: "plan", kind: "category", words: [{ word: "pro", count: 50 }] },
    ],
  };
  assert.deepEqual(startOf(columns, profile), { age: "45.2", size: "0", active: "false", since: "2023-02-01", plan: "pro" });
});

test("a number begins with as many digits as tell rows apart", () => {
  const begins = (edges: number[], mean: number) => {
    const bins = [null, ...edges].map((from, place) => ({ from, to: edges[place] ?? null, count: 9, mean }));
    return startOf({ a: { type: "number" } }, { columns: [{ column: "a", kind: "number", bins }] })["a"];
  };
  assert.equal(begins([2008, 2009], 2008.512), "2008.5");
  assert.equal(begins([3220, 5580], 4083.4), "4083");
  assert.equal(begins([1e-5, 3e-5], 2.3456e-5), "0.000023");
  assert.equal(begins([1, 1], 1.23456), "1.23", "edges that are one tell nothing");
});

test("what is empty is sent as missing, and a number that is none as it was written", () => {
  const row = { age: "1,5", size: " 3.5 ", active: "false", since: "", plan: `${OTHER}any word` };
  assert.deepEqual(rowOf(columns, row), { age: "1,5", size: 3.5, active: false, since: null, plan: "any word" });
  assert.deepEqual(rowOf(columns, {}), { age: null, size: null, active: null, since: null, plan: null });
  assert.deepEqual(rowOf({ word: { type: "string" } }, { word: "" }), { word: "" });
});

test("steps are lines of numbers, however they are parted", () => {
  assert.deepEqual(stepsOf("1, 2\n\n3\t4\n 5;6 "), [[1, 2], [3, 4], [5, 6]]);
  assert.deepEqual(stepsOf("1, x"), [[1, "x"]]);
  assert.deepEqual(stepsOf(""), []);
});

test("a picture is sent in the numbers that training has seen", () => {
  const input = { kind: "image" as const, shape: [1, 2, 1], numbers: { bytes: true, range: [0, 16] as [number, number] } };
  const picture = { ...begun(input), pixels: new Uint8ClampedArray([0, 255]) };
  assert.deepEqual(instanceOf(picture, input), { b64: btoa("\u0000\u0010"), dtype: "uint8" });
  assert.deepEqual(instanceOf(picture, { ...input, numbers: { bytes: false, range: [-1, 1] } }), [[[-1], [1]]]);
});

test("a picture is inverted, and stays as opaque as it is", () => {
  const of = (channels: number, ...pixels: number[]) => [...inverted({ height: 1, width: 1, channels, pixels: new Uint8ClampedArray(pixels) }).pixels];
  assert.deepEqual(of(1, 0), [255]);
  assert.deepEqual(of(3, 0, 10, 255), [255, 245, 0]);
  assert.deepEqual(of(2, 0, 200), [255, 200]);
  assert.deepEqual(of(4, 0, 0, 255, 7), [255, 255, 0, 7]);
});
