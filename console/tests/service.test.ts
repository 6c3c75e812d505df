// Paths of the service, and addresses that it signed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { at, BASE, helpOf, reachable } from "../src/service.ts";

test("words that people chose are one segment of a path", () => {
  assert.equal(at`/v1/models/${"a/../b?c#d"}/versions/${3}`, "/v1/models/a%2F..%2Fb%3Fc%23d/versions/3");
});

test("the page's own path is before every path, without its last slash", () => {
  assert.equal(BASE, "/ml");
});

test("an error's code leads to its row on the service's page", () => {
  assert.equal(helpOf("model_not_found"), "/ml/docs#model_not_found");
  assert.equal(helpOf('"x"#?/'), "/ml/docs#%22x%22%23%3F%2F");
});

test("a signed address of this server is reached as the page was", () => {
  const page = { host: "a.example", protocol: "https:" };
  assert.equal(reachable("http://a.example/uploads/a?b=%2F", page), "https://a.example/uploads/a?b=%2F");
  assert.equal(reachable("http://b.example/uploads/a", page), "http://b.example/uploads/a");
  const storage = "https://s3.eu-west-1.amazonaws.com/bucket/datasets/a%20b?X-Amz-Signature=0&x=%2F%3A";
  assert.equal(reachable(storage, page), storage);
});
