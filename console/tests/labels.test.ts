// Messages of the service, in the words of the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { labelled, namesOption } from "../src/parts/labels.ts";

test("an option is called as its field is", () => {
  assert.equal(labelled('if another sign separates cells, "delimiter" says it'), "if another sign separates cells, “Cells are parted by” says it");
  assert.equal(labelled('say "decimal": "," or add it to "missing"'), 'say “Decimals come after a”: "," or add it to “Words for a missing value”');
  assert.equal(labelled("column 'encoding' is left out"), "column 'encoding' is left out");
});

test("how a file is read is asked where that may help", () => {
  assert.ok(namesOption('write the byte order mark, or say "encoding"'));
  assert.ok(!namesOption("the file is an Excel workbook: save the sheet as CSV"));
});
