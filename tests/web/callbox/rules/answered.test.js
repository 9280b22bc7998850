// @ts-nocheck
/** From the answer on: connecting, the call itself, and its end. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connecting, DEVICE, established, feed, OTHER, types } from "./parties.js";

test("a set-up that takes too long ends the call and says why", () => {
  const call = connecting();
  assert.equal(call.nextDeadline(), 16);
  const { effects } = feed(call, 16, { type: "deadlineReached" });
  assert.deepEqual(types(effects), ["explainPeer", "sendClose", "closePeer", "closed"]);
  assert.equal(call.closed.reason, "ice_failed");
});

test("a call is as long as its grant says", () => {
  const call = established({ grant: { maxDuration: 60 } });
  assert.equal(call.nextDeadline(), 62);
  const { effects } = feed(call, 62, { type: "deadlineReached" });
  assert.deepEqual(effects[0], { type: "sendClose", to: DEVICE.uid, reason: "max_duration" });
});

test("media that was promised and does not come ends the call", () => {
  assert.equal(established().nextDeadline(), null);
  const call = connecting();
  call.expectsMedia = true;
  feed(call, 2, { type: "peerConnected", generation: 0 });
  assert.equal(call.nextDeadline(), 17);
  feed(call, 3, { type: "trackReceived", generation: 0, kind: "video", codec: "H264" });
  assert.equal(call.nextDeadline(), null);
});

test("each kind is received once", () => {
  const call = established();
  const track = { type: "trackReceived", generation: 0, kind: "video", codec: "H264" };
  assert.deepEqual(types(feed(call, 3, track).effects), ["streamReceived"]);
  assert.ok(feed(call, 4, track).refused);
});

test("only the remote peer ends the call, and only its first errors are told", () => {
  const call = established();
  assert.ok(feed(call, 3, { type: "closeReceived", ...OTHER, reason: "user_hangup" }).refused);
  const error = { type: "errorReceived", ...DEVICE, code: "a", message: "b" };
  for (let i = 0; i < 5; i++) assert.ok(!feed(call, 3, error).refused);
  assert.ok(feed(call, 3, error).refused);
  feed(call, 4, { type: "closeReceived", ...DEVICE, reason: "shutdown" });
  assert.deepEqual([call.closed.reason, call.closed.closedBy], ["shutdown", "remote"]);
});

test("push-to-talk goes to the remote peer, and comes from nobody else", () => {
  const call = established();
  assert.deepEqual(feed(call, 3, { type: "pushToTalkRequested", on: true }).effects, [
    { type: "sendTalk", to: DEVICE.uid, on: true },
  ]);
  const held = { type: "pushToTalkReceived", on: true };
  assert.ok(feed(call, 3, { ...held, ...OTHER }).refused);
  assert.deepEqual(types(feed(call, 3, { ...held, ...DEVICE }).effects), ["pushToTalk"]);
});

test("after the end nothing means anything", () => {
  const call = established();
  feed(call, 3, { type: "closeRequested" });
  for (const type of ["closeRequested", "closeReceived", "peerConnected", "deadlineReached"])
    assert.ok(feed(call, 4, { type, ...DEVICE, generation: 0 }).refused, type);
});
