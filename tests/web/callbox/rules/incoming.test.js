// @ts-nocheck
/** The invited side, from the invitation to the answer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEVICE, feed, incoming, OTHER, types } from "./parties.js";

test("an invitation that came too late is answered so, whatever was decided", () => {
  const call = incoming({ action: "accept" }, { age: 36 });
  assert.ok(call.expired && call.turnedAway);
  const [called, answer] = call.start(0);
  assert.equal(called.type, "called");
  assert.deepEqual(answer, { type: "sendResponse", status: "TIMEOUT", reason: "expired" });
  assert.ok(!incoming(null, { age: 35 }).expired);
});

test("what rings is answered before the caller gives up", () => {
  const call = incoming({ action: "ring" }, { age: 10 });
  call.start(0);
  assert.deepEqual([call.state, call.nextDeadline()], ["ringing", 25]);
  feed(call, 25, { type: "deadlineReached" });
  assert.deepEqual([call.callStatus, call.closed.reason], ["TIMEOUT", "invite_timeout"]);
});

test("early candidates follow the offer, found ones the answer", () => {
  const call = incoming();
  call.start(0);
  feed(call, 1, { type: "candidateReceived", ...DEVICE, candidate: "theirs" });
  const accepted = feed(call, 2, { type: "acceptRequested" });
  assert.deepEqual(types(accepted.effects), ["createAnswer", "addCandidate"]);
  feed(call, 3, { type: "candidateFound", generation: 0, candidate: "ours" });
  const answered = feed(call, 4, { type: "descriptionReady", generation: 0, sdp: "answer" });
  const expected = ["sendResponse", "invitationAnswered", "sendCandidate", "startMedia"];
  assert.deepEqual(types(answered.effects), expected);
});

test("another client of ours that is selected has answered, we who are selected go on", () => {
  const select = { type: "selectReceived", ...DEVICE };
  const [other, mine] = [incoming(), incoming()];
  feed(other, 1, { ...select, selected: "another" });
  assert.equal(other.closed.reason, "answered_elsewhere");
  feed(mine, 1, { ...select, selected: "me" });
  assert.equal(mine.state, "invited");
});

test("a stranger can neither withdraw the call nor fill it with candidates", () => {
  const call = incoming();
  assert.ok(feed(call, 1, { type: "closeReceived", ...OTHER, reason: "cancelled" }).refused);
  const candidate = { type: "candidateReceived", candidate: "c" };
  assert.ok(feed(call, 1, { ...candidate, ...OTHER }).refused);
  for (let i = 0; i < call.timing.maxCandidates; i++) assert.ok(!feed(call, 1, { ...candidate, ...DEVICE }).refused);
  assert.ok(feed(call, 1, { ...candidate, ...DEVICE }).refused);
  assert.equal(call.state, "invited");
});

test("whoever hangs up before an answer rejects", () => {
  const call = incoming({ action: "ring" });
  call.start(0);
  feed(call, 1, { type: "closeRequested" });
  assert.deepEqual(call.repeat(), [
    { type: "sendResponse", status: "REJECTED", reason: "rejected" },
  ]);
});
