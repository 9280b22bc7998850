// @ts-nocheck
/** The record of a call (PROTOCOL 5). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { recordOf } from "../../../agent/web/callbox/record.js";
import { Viewing } from "../../../agent/web/callbox/rules/viewing.js";
import { Totals } from "../../../agent/web/callbox/statistics/totals.js";

const CALL = {
  signaledAs: "3f0c8e52-7c55-4b8e-9a49-0d5f8e6c1a11",
  remoteUid: "door-1",
  direction: "outgoing",
  callStatus: "ACCEPTED",
  reconnects: 1,
  viewing: new Viewing(),
  closed: { reason: "user_hangup", closedBy: "local" },
  marks: { invited: 10, answered: 10.25, ice: 10.3, connected: 10.5, firstFrame: 10.75, ended: 72 },
};
const TIMES = {
  invited: "2026-11-22T10:15:00.000Z",
  answered: "2026-11-22T10:15:00.250Z",
  connected: "2026-11-22T10:15:00.500Z",
  ended: "2026-11-22T10:16:02.000Z",
};

test("a record counts its set-up from the invitation, and its duration from the connection", () => {
  const record = recordOf(CALL, { times: TIMES, totals: new Totals() });
  assert.deepEqual(record.setup, { response: 250, ice: 300, dtls: 500, firstFrame: 750 });
  assert.equal(record.duration, 61.5);
  assert.equal(record.connectedAt, TIMES.connected);
  assert.deepEqual([record.reason, record.closedBy], ["user_hangup", "local"]);
});

test("a record has no field of what never happened", () => {
  const closed = { reason: "rejected", closedBy: "remote" };
  const call = { ...CALL, callStatus: "REJECTED", closed, marks: { invited: 10, ended: 12 } };
  const { invited, ended } = TIMES;
  const about = { responseReason: "not_allowed", times: { invited, ended }, totals: new Totals() };
  assert.deepEqual(recordOf(call, about), {
    conversation: CALL.signaledAs,
    remoteUid: "door-1",
    direction: "outgoing",
    reason: "rejected",
    closedBy: "remote",
    callStatus: "REJECTED",
    responseReason: "not_allowed",
    invitedAt: invited,
    endedAt: ended,
    duration: 0,
    setup: {},
    reconnects: 1,
  });
});

test("a record says what the totals know of the media", () => {
  const totals = {
    path: { local: "host", remote: "relay" },
    quality: { mos: 4.2, model: "e" },
    of: (kind, seconds) => ({ kind, seconds }),
  };
  const record = recordOf(CALL, { times: TIMES, totals });
  assert.deepEqual(record.video, { kind: "video", seconds: 61.5 });
  assert.deepEqual(record.audio, { kind: "audio", seconds: 61.5 });
  assert.deepEqual([record.path, record.quality], [totals.path, totals.quality]);
});

test("a record says of a view what it was, and when it became a talk", () => {
  const about = { times: { ...TIMES, talk: "2026-11-22T10:15:30.000Z" }, totals: new Totals() };
  const { purpose, talkAt } = recordOf({ ...CALL, viewing: new Viewing("view") }, about);
  assert.deepEqual([purpose, talkAt], ["view", "2026-11-22T10:15:30.000Z"]);
});

test("a record names who answered in this side's place, where that is why it ended", () => {
  const about = { takenBy: "alice", times: TIMES, totals: new Totals() };
  assert.equal(recordOf(CALL, about).takenBy, undefined);
  const closed = { reason: "answered_elsewhere", closedBy: "remote" };
  assert.equal(recordOf({ ...CALL, closed }, about).takenBy, "alice");
});
