// @ts-nocheck
/** The inviting side, up to the answer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEVICE, feed, inviting, OTHER, outgoing, types } from "./parties.js";

const TWO = { targets: [DEVICE.uid, OTHER.uid] };
const response = (who, status, more) => ({ type: "responseReceived", ...who, status, ...more });

test("a call without targets is none", () => {
  assert.throws(() => outgoing({ targets: [] }), TypeError);
});

test("all targets are invited at once, or one after the other", () => {
  const invited = (call) => call.targets.filter((target) => target.invited).map(({ uid }) => uid);
  assert.deepEqual(invited(inviting(TWO)), TWO.targets);
  const call = inviting({ ...TWO, mode: "sequential" });
  assert.deepEqual(invited(call), [DEVICE.uid]);
  const { effects } = feed(call, 1, response(DEVICE, "BUSY"));
  assert.deepEqual(effects.map(({ type, to }) => [type, to]), [["sendInvite", OTHER.uid]]);
});

test("the first acceptance wins, and nobody is left ringing", () => {
  const call = inviting(TWO);
  const { effects } = feed(call, 1, response(OTHER, "ACCEPTED", { sdp: "answer" }));
  assert.deepEqual([call.state, call.remoteUid], ["connecting", OTHER.uid]);
  const withdrawn = {
    type: "sendClose",
    to: DEVICE.uid,
    reason: "answered_elsewhere",
    by: OTHER.uid,
  };
  assert.deepEqual(effects.slice(0, 2), [
    { type: "sendSelect", to: OTHER.uid, selected: OTHER.party },
    withdrawn,
  ]);
});

test("an acceptance without an answer changes nothing", () => {
  const call = inviting();
  assert.ok(feed(call, 1, response(DEVICE, "ACCEPTED")).refused);
  assert.equal(call.state, "inviting");
});

test("a rejection outweighs busy only where nobody is busy", () => {
  const call = inviting(TWO);
  feed(call, 1, response(DEVICE, "REJECTED", { reason: "not_allowed" }), response(OTHER, "BUSY"));
  assert.deepEqual([call.state, call.closed.reason], ["closed", "user_busy"]);
});

const RINGING = { type: "ringingReceived", uid: DEVICE.uid, expiresIn: 20 };
const party = (name) => ({ uid: DEVICE.uid, party: name });

test("one client that cannot take the call leaves another one of the same uid ringing", () => {
  const call = inviting();
  feed(call, 1, { ...RINGING, party: "a" }, { ...RINGING, party: "b" });
  feed(call, 2, response(party("a"), "REJECTED", { reason: "unavailable" }));
  assert.equal(call.state, "inviting");
  feed(call, 3, response(party("b"), "REJECTED", { reason: "unavailable" }));
  assert.equal(call.closed.reason, "rejected");
});

test("a person who declines speaks for the whole uid, and its other clients are told", () => {
  const call = inviting();
  feed(call, 1, { ...RINGING, party: "a" }, { ...RINGING, party: "b" });
  const { effects } = feed(call, 2, response(party("a"), "REJECTED", { reason: "rejected" }));
  assert.deepEqual(effects[0], { type: "sendClose", to: DEVICE.uid, reason: "rejected" });
  assert.equal(call.closed.reason, "rejected");
});

test("a wrong clock is corrected once, under another id", () => {
  const call = inviting();
  const { effects } = feed(call, 1, response(DEVICE, "TIMEOUT", { reason: "expired", now: 99 }));
  assert.deepEqual(types(effects), ["sendClose", "inviteAgain", "sendInvite"]);
  assert.deepEqual([call.conversation, call.signaledAs], ["first", "second"]);
  feed(call, 2, response(DEVICE, "TIMEOUT", { reason: "expired", now: 99 }));
  assert.equal(call.closed.reason, "invite_timeout");
});

test("an invitation that nobody answers is withdrawn when its lifetime is over", () => {
  const call = inviting({ lifetime: 30 }, { answerTravel: 2 });
  assert.equal(call.nextDeadline(), 32);
  assert.ok(feed(call, 31, { type: "deadlineReached" }).refused);
  const { effects } = feed(call, 32, { type: "deadlineReached" });
  assert.deepEqual(effects[0], { type: "sendClose", to: DEVICE.uid, reason: "invite_timeout" });
  assert.deepEqual([call.closed.reason, call.closed.closedBy], ["invite_timeout", "local"]);
});
