// @ts-nocheck
/** Named timers, and a pause. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Deadlines, pause } from "../../../agent/web/callbox/timers.js";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

test("a deadline that is set again counts from then, and once", () => {
  const [deadlines, expired] = [new Deadlines(), []];
  deadlines.set("a", 100, () => expired.push("first"));
  mock.timers.tick(60);
  deadlines.set("a", 100, () => expired.push("second"));
  mock.timers.tick(99);
  assert.deepEqual(expired, []);
  mock.timers.tick(1);
  mock.timers.tick(1000);
  assert.deepEqual(expired, ["second"]);
});

test("a deadline that has passed is gone before its action runs", () => {
  const deadlines = new Deadlines();
  let known;
  deadlines.set("a", 10, () => (known = deadlines.has("a")));
  assert.ok(deadlines.has("a"));
  mock.timers.tick(10);
  assert.equal(known, false);
});

test("what is cleared never happens", () => {
  const deadlines = new Deadlines();
  for (const name of ["a", "b", "c"]) deadlines.set(name, 10, assert.fail);
  deadlines.clear("a");
  deadlines.clear("never set");
  deadlines.clearAll();
  mock.timers.tick(1000);
  assert.ok(!deadlines.has("b"));
});

test("a pause ends when its time is over", async () => {
  let over = false;
  const paused = pause(50).then(() => (over = true));
  mock.timers.tick(49);
  await Promise.resolve();
  assert.ok(!over);
  mock.timers.tick(1);
  await paused;
  assert.ok(over);
});
