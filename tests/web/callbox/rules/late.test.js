// @ts-nocheck
/** After an acceptance: what others of those that were invited hear. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connecting, DEVICE, established, feed, OTHER } from "./parties.js";

const TWO = { targets: [DEVICE.uid, OTHER.uid] };
const accepted = (who) => ({ type: "responseReceived", ...who, status: "ACCEPTED", sdp: "late" });

for (const [state, make] of Object.entries({ connecting, established })) {
  test(`while ${state}, another uid that accepts or rings is sent away`, () => {
    const reason = "answered_elsewhere";
    const sentAway = [{ type: "sendClose", to: OTHER.uid, reason, by: DEVICE.uid }];
    const call = make(TWO);
    assert.deepEqual(feed(call, 3, accepted(OTHER)).effects, sentAway);
    assert.deepEqual(feed(call, 3, { type: "ringingReceived", ...OTHER }).effects, sentAway);
    assert.equal(call.state, state);
  });
}

test("another client of the selected uid hears who was selected, and no close", () => {
  const second = { uid: DEVICE.uid, party: "second" };
  const { effects } = feed(connecting(), 3, accepted(second));
  assert.deepEqual(effects, [{ type: "sendSelect", to: DEVICE.uid, selected: DEVICE.party }]);
});

test("the selected one again, a late refusal, and who was never invited are ignored", () => {
  const call = connecting(TWO);
  assert.ok(feed(call, 3, accepted(DEVICE)).refused);
  assert.ok(feed(call, 3, { ...accepted(OTHER), status: "BUSY" }).refused);
  assert.ok(feed(call, 3, accepted({ uid: "door-3", party: "x" })).refused);
});
