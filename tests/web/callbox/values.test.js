// @ts-nocheck
/** Small things about values. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { defined, isObject, present, textOf, uuid } from "../../../agent/web/callbox/values.js";

test("a uuid is one of RFC 9562, version 4, and another each time", () => {
  const made = new Set(Array.from({ length: 200 }, uuid));
  assert.equal(made.size, 200);
  for (const each of made)
    assert.match(each, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("an object is neither null nor an array", () => {
  assert.ok(isObject({}));
  for (const value of [null, undefined, [], "text", 1]) assert.ok(!isObject(value));
});

test("present keeps all but what is undefined", () => {
  assert.deepEqual(present({ a: undefined, b: null, c: 0, d: NaN, e: "" }), {
    b: null,
    c: 0,
    d: NaN,
    e: "",
  });
});

test("defined keeps what is known", () => {
  const given = { a: undefined, b: null, c: 0, d: NaN, e: Infinity, f: "", g: false };
  assert.deepEqual(defined(given), { c: 0, f: "", g: false });
});

test("whatever was thrown has a text", () => {
  assert.equal(textOf(new TypeError("bad")), "bad");
  assert.equal(textOf("bad"), "bad");
  assert.equal(textOf(undefined), "undefined");
});
