// @ts-nocheck
/** Silence, loss, and the transports that come after the first. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { connecting, DEVICE, established, feed, types } from "./parties.js";

const SILENT = { type: "peerSilent", generation: 0, seconds: 3 };

function silent(now = 10) {
  const call = established();
  feed(call, now, SILENT);
  return call;
}

test("silence is told once, and a fresh transport is offered beside the old one", () => {
  const call = established();
  const { effects } = feed(call, 10, SILENT);
  assert.deepEqual(types(effects), ["degraded", "createOffer"]);
  assert.deepEqual([call.state, call.renewals.pending.generation], ["silent", 1]);
  assert.deepEqual([...call.renewals.live], [0, 1]);
});

test("a packet over the old transport restores the call", () => {
  const call = silent();
  const { effects } = feed(call, 12, { type: "peerHeard", generation: 0 });
  assert.deepEqual(effects, [{ type: "restored", generation: 0 }]);
  assert.deepEqual([call.state, call.reconnects], ["established", 0]);
});

test("a fresh transport that is connected takes the media over, and the old one goes", () => {
  const call = silent();
  const { effects } = feed(call, 12, { type: "peerConnected", generation: 1 });
  assert.deepEqual(types(effects), ["startMedia", "closePeer", "restored"]);
  assert.deepEqual([call.state, call.reconnects, call.renewals.current], ["established", 1, 1]);
});

test("a call is lost, its media paused, and given up: each counted from the last packet", () => {
  const call = silent(10);
  const until = (state, limit) => {
    for (let now = 10; call.state !== state && now <= limit; ) {
      now = call.nextDeadline();
      const { effects } = feed(call, now, { type: "deadlineReached" });
      if (call.state === state) return [now, effects[0].type];
    }
    return null;
  };
  assert.deepEqual(until("lost", 60), [15.5, "pauseMedia"]);
  assert.deepEqual(until("closed", 60), [52, "sendClose"]);
  assert.deepEqual([call.closed.reason, call.closed.closedBy], ["ice_timeout", "local"]);
});

test("a peer that closed its transport and says no more has hung up", () => {
  const call = established();
  feed(call, 10, { type: "peerLost", generation: 0, closed: true });
  assert.equal(call.nextDeadline(), 12);
  feed(call, 12, { type: "deadlineReached" });
  assert.deepEqual([call.closed.reason, call.closed.closedBy], ["user_hangup", "remote"]);
});

test("of two offers that cross, the inviter's wins", () => {
  const call = silent();
  const offer = { type: "offerReceived", ...DEVICE, sdp: "offer" };
  assert.ok(feed(call, 11, { ...offer, generation: 1 }).refused);
  assert.deepEqual(types(feed(call, 11, { ...offer, generation: 2 }).effects), [
    "closePeer",
    "createAnswer",
  ]);
});

test("an answer is taken once, and only the one that is awaited", () => {
  const call = silent();
  const answer = { type: "answerReceived", ...DEVICE, sdp: "answer" };
  assert.ok(feed(call, 11, { ...answer, generation: 2 }).refused);
  assert.deepEqual(types(feed(call, 11, { ...answer, generation: 1 }).effects), ["applyAnswer"]);
  assert.ok(feed(call, 11, { ...answer, generation: 1 }).refused);
});

test("there is a bound to the transports of one call", () => {
  const call = established({}, { maxRenewals: 3 });
  for (let i = 0; i < 3; i++) assert.ok(!feed(call, 5, { type: "renewRequested" }).refused);
  assert.ok(feed(call, 5, { type: "renewRequested" }).refused);
});

test("a first transport that fails is no end while a fresh one may connect", () => {
  const call = connecting();
  feed(call, 2, { type: "renewRequested" });
  const failed = { type: "peerFailed", generation: 0, code: "ice_failed", message: "no pair" };
  assert.deepEqual(types(feed(call, 3, failed).effects), ["errorRaised"]);
  assert.equal(call.state, "connecting");
});
