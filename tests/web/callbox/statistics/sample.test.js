// @ts-nocheck
/** One reading of a transport's W3C statistics. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { known, readSample } from "../../../../agent/web/callbox/statistics/sample.js";
import { statisticsOf } from "../../../fakes/web/statistics.js";

const CONNECTION = { packetsReceived: 100, otherPacketsReceived: 7, framesDecoded: 30 };
const reportOf = (...entries) =>
  new Map(entries.map((entry, number) => [`S${number}`, { id: `S${number}`, ...entry }]));

test("a sample has each kind's objects and codec, and the selected path", () => {
  const sample = readSample(statisticsOf(CONNECTION), 1234);
  assert.equal(sample.at, 1234);
  assert.equal(sample.video.inbound.framesDecoded, 30);
  assert.equal(sample.video.codecReceived, "H264");
  assert.equal(sample.audio.inbound, undefined);
  assert.deepEqual([sample.mediaReceived, sample.packetsReceived], [100, 107]);
  const { localCandidateType, remoteCandidateType, protocol, relayed } = sample.transport;
  assert.deepEqual(
    [localCandidateType, remoteCandidateType, protocol, relayed],
    ["host", "relay", "udp", true],
  );
});

test("a sample carries no address", () => {
  assert.doesNotMatch(JSON.stringify(readSample(statisticsOf(CONNECTION), 0)), /192\.0\.2\./);
});

test("a browser without transport statistics counts packets of media, and the nominated pair", () => {
  const report = reportOf(
    { type: "inbound-rtp", kind: "audio", packetsReceived: 5 },
    { type: "inbound-rtp", kind: "video", packetsReceived: 6 },
    { type: "candidate-pair", state: "succeeded", nominated: false, currentRoundTripTime: 1 },
    { type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 2 },
  );
  const sample = readSample(report, 0);
  assert.equal(sample.packetsReceived, 11);
  assert.equal(sample.transport.currentRoundTripTime, 2);
});

test("a stream over which nothing has come or gone is none", () => {
  const report = reportOf(
    { type: "inbound-rtp", kind: "video", packetsReceived: 0 },
    { type: "outbound-rtp", kind: "audio", packetsSent: 0 },
  );
  const sample = readSample(report, 0);
  assert.deepEqual([sample.video.inbound, sample.audio.outbound], [undefined, undefined]);
  assert.deepEqual(sample.transport, {});
});

test("identifiers and what is not known are no statistics", () => {
  const stats = { id: "I", ssrc: 1, codecId: "C", jitter: 0.1, nackCount: 0, a: NaN, b: null };
  assert.deepEqual(known(stats), { jitter: 0.1, nackCount: 0 });
  assert.deepEqual(known(undefined), {});
});
