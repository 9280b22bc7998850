// @ts-nocheck
/** When a remote peer over which nothing arrives is given up. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Liveness } from "../../../../agent/web/callbox/rules/liveness.js";

const TIMING = { goodbye: 2, lost: 8.5, hold: 45 };

const silentSince = (since, more = {}) => {
  const liveness = new Liveness();
  liveness.fallSilent(since);
  return Object.assign(liveness, more);
};
const giveUpAt = (liveness, renewing = false) => liveness.giveUpAt(TIMING, renewing);

test("a peer that is heard is not given up", () => {
  assert.equal(giveUpAt(new Liveness()), null);
  const liveness = silentSince(10, { degraded: true });
  assert.equal(liveness.restore(), true);
  assert.equal(giveUpAt(liveness), null);
  assert.equal(liveness.restore(), false);
});

test("silence counts from its beginning, however often it is noticed", () => {
  const liveness = silentSince(10);
  liveness.fallSilent(13);
  assert.deepEqual([liveness.loseAt(TIMING), giveUpAt(liveness)], [18.5, 55]);
});

test("a word of the remote peer puts nothing off", () => {
  const liveness = silentSince(10, { wordAt: 20 });
  assert.deepEqual([liveness.loseAt(TIMING), giveUpAt(liveness)], [18.5, 55]);
});

test("a peer that closed its transport has left, unless a fresh one is being made", () => {
  const liveness = silentSince(10, { leftAt: 12 });
  assert.equal(giveUpAt(liveness), 14);
  assert.equal(giveUpAt(liveness, true), 55);
});

test("a call that lives again remembers that it was lost, as its line is gone", () => {
  const liveness = silentSince(10, { lostAt: 18.5 });
  liveness.restore();
  assert.deepEqual([liveness.lostAt, liveness.loseAt(TIMING)], [18.5, null]);
});
