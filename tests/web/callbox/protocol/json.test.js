// @ts-nocheck
/** JSON from strangers: bounded in size and depth, and the same for every reader. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { byteLength, readObject } from "../../../../agent/web/callbox/protocol/json.js";

const bytes = (text) => new TextEncoder().encode(text);
const refused = (payload, code) =>
  assert.throws(() => readObject(payload), { name: "MalformedMessage", code });
const nested = (levels) => `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;

test("an object is read from text and from bytes", () => {
  assert.deepEqual(readObject('{"a":[1,"ä"]}'), { a: [1, "ä"] });
  assert.deepEqual(readObject(bytes('{"a":[1,"ä"]}')), { a: [1, "ä"] });
});

test("64 KiB are read and no more, counted in bytes", () => {
  const filled = (size) => `{"a":"${"x".repeat(size - 8)}"}`;
  assert.equal(byteLength(filled(65_536)), 65_536);
  assert.equal(readObject(filled(65_536)).a.length, 65_528);
  refused(filled(65_537), "too_large");
  refused(`{"a":"${"ä".repeat(33_000)}"}`, "too_large");
});

test("16 levels are read and no more", () => {
  assert.ok(readObject(nested(16)));
  refused(nested(17), "too_deep");
});

test("what two readers could take for two things is no JSON", () => {
  const odd = ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"b":{"a":1,"a":2}}', '{"a":1e999}'];
  for (const text of [...odd, '{"a":"\\ud800"}', "{a:1}", "", '{"a":NaN}']) refused(text, "not_json");
  refused(new Uint8Array([0x7b, 0xff, 0x7d]), "not_json");
});

test("a name may stand again in another object, or as a value", () => {
  assert.ok(readObject('{"a":{"a":1},"b":[{"a":"a"},{"a":"{\\"a\\":1"}]}'));
});

test("only an object is a message", () => {
  for (const text of ["[]", "null", "1", '"a"']) refused(text, "not_an_object");
});
