// @ts-nocheck
/** Between messages, and the inputs and effects of the rules. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { inputOf, knownReason, messageOf } from "../../../agent/web/callbox/signals.js";
import { Clock } from "../../../agent/web/callbox/clock.js";

const shared = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../../config/call-table.json", import.meta.url)), "utf8"),
);
const WANTED = { audio: true, video: true };
const SDP = "v=0\r\nm=audio 9 RTP 96\r\na=recvonly\r\nm=video 9 RTP 97\r\na=sendonly\r\n";

const MESSAGES = [
  { type: "ringing", expiresIn: 3 },
  { type: "response", callStatus: "ACCEPTED", sdp: SDP },
  { type: "select", selectedParty: "me" },
  { type: "candidate", candidate: null },
  { type: "offer", generation: 1, sdp: SDP },
  { type: "answer", generation: 1, sdp: SDP },
  { type: "close", reason: "user_hangup" },
  { type: "talk", on: true },
  { type: "error", code: "x", message: "y" },
];

test("inputOf: each message is an input of the shared table, with its fields", () => {
  for (const message of MESSAGES) {
    const { type, ...fields } = inputOf("door-1", { party: "p", ...message }, WANTED);
    const known = shared.inputs[type].map((name) => name.replace("?", ""));
    assert.deepEqual(
      Object.keys(fields).filter((name) => !known.includes(name)),
      [],
      type,
    );
  }
  assert.equal(inputOf("door-1", { type: "invite", party: "p" }, WANTED), null);
});

test("inputOf: an answer promises media only of a kind that is wanted", () => {
  const promises = (wanted) => inputOf("d", { ...MESSAGES[1], party: "p" }, wanted).sendsMedia;
  assert.ok(promises(WANTED));
  assert.ok(!promises({ audio: true, video: false }));
  assert.ok(!promises({ audio: "sendrecv", video: "sendonly" }));
});

test("inputOf: the time counts where our invitation came expired, alone", () => {
  const response = {
    type: "response",
    party: "p",
    now: "2026-11-22T10:15:00Z",
    callStatus: "TIMEOUT",
  };
  const now = Date.UTC(2026, 10, 22, 10, 15) / 1000;
  assert.equal(inputOf("d", { ...response, reason: "expired" }, WANTED).now, now);
  assert.equal(inputOf("d", { ...response, reason: "no_answer" }, WANTED).now, undefined);
  assert.equal(
    inputOf("d", { ...response, callStatus: "BUSY", reason: "expired" }, WANTED).now,
    undefined,
  );
});

test("inputOf: a reason of a later protocol is unknown_reason, an empty candidate the end of them", () => {
  assert.equal(
    inputOf("d", { type: "close", party: "p", reason: "teleported" }, WANTED).reason,
    "unknown_reason",
  );
  assert.equal(
    inputOf("d", { type: "candidate", party: "p", candidate: { candidate: "" } }, WANTED).candidate,
    null,
  );
  assert.equal(knownReason("crash_recovered"), "crash_recovered");
});

test("messageOf: an answer to an expired invitation brings the time", () => {
  const of = (effect) => messageOf(effect, "id", "me", new Clock());
  const expired = of({ type: "sendResponse", status: "TIMEOUT", reason: "expired" });
  assert.ok(Math.abs(Date.parse(expired.now) - Date.now()) < 1000);
  assert.deepEqual(of({ type: "sendResponse", status: "BUSY", reason: "busy" }), {
    type: "response",
    callStatus: "BUSY",
    reason: "busy",
    conversation: "id",
    party: "me",
  });
  assert.equal(of({ type: "sendClose", to: "d", reason: "own words" }).reason, "unknown_reason");
});
