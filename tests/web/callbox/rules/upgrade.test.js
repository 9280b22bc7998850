// @ts-nocheck
/** The rows by which a view becomes a talk; the scenarios say the rest. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { CALL_TIMING } from "../../../../agent/web/callbox/rules/machine.js";
import { OutgoingCall } from "../../../../agent/web/callbox/rules/outgoing.js";

function looking(purpose) {
  const call = new OutgoingCall("c", "own", { targets: ["door-1"], purpose }, CALL_TIMING, 0);
  call.start(0);
  const from = { uid: "door-1", party: "p" };
  call.handle({ type: "descriptionReady", generation: 0, sdp: "offer" }, 0);
  call.handle({ type: "responseReceived", ...from, status: "ACCEPTED", sdp: "answer" }, 0);
  call.handle({ type: "peerConnected", generation: 0 }, 0);
  return call;
}

test("what talks cannot ask to", () => {
  const { refused } = looking("talk").handle({ type: "talkRequested" }, 1);
  assert.match(refused, /no view/);
});

test("what asks keeps what it received, and sends beside it", () => {
  const call = looking("view");
  assert.deepEqual(call.grant, { sends: false });
  const { effects } = call.handle({ type: "talkRequested" }, 1);
  assert.deepEqual(effects[0].grant, {});
  assert.equal(call.looks, false);
});
