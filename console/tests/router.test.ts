// Addresses of pages: whatever people called their things comes back as it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf, to } from "../src/router.ts";

test("without a page it is the models", () => {
  for (const hash of ["", "#", "#/", "#//"]) assert.equal(placeOf(hash).page, "models");
});

test("names come back as they were, whatever is in them", () => {
  const names = ["a/b", "%2F", "100 %", "#/?&", "<img src=x onerror=alert(1)>", "\u202eabc", "\u00e9\u6f22", "..", "a b+c"];
  for (const name of names) assert.deepEqual(placeOf(to("model", name, 3)).names, [name, "3"]);
});

test("what is no encoding is taken as it stands", () => {
  assert.deepEqual(placeOf("#/model/%zz").names, ["%zz"]);
});

test("a query follows the names", () => {
  const place = placeOf("#/models?after=a%26b");
  assert.equal(place.page, "models");
  assert.equal(place.query.get("after"), "a&b");
});
