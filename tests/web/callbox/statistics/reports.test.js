// @ts-nocheck
/** `local_stats` and `remote_stats` (PROTOCOL 5). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeReports } from "../../../../agent/web/callbox/statistics/reports.js";

const sample = (at, { video = {}, audio = {}, transport = {} }) => ({ at, video, audio, transport });

test("a bit rate is of the bytes since the sample before", () => {
  const before = sample(1000, { video: { inbound: { bytesReceived: 1000 } } });
  const now = sample(3000, { video: { inbound: { bytesReceived: 251_000 } } });
  const { local, remote } = makeReports(now, before);
  assert.equal(remote.video.bitrate, 1_000_000);
  assert.equal(local.video, undefined);
});

test("the first sample, and a counter that went back, have no rate", () => {
  const now = sample(3000, { video: { inbound: { bytesReceived: 100, framesDecoded: 1 } } });
  assert.ok(!("bitrate" in makeReports(now, null).remote.video));
  const before = sample(1000, { video: { inbound: { bytesReceived: 500, framesDecoded: 9 } } });
  const { video } = makeReports(now, before).remote;
  assert.ok(!("bitrate" in video) && !("framesPerSecond" in video));
});

test("a stream that began since then counts from nothing", () => {
  const now = sample(2000, { audio: { outbound: { bytesSent: 8000 }, codecSent: "opus" } });
  const { audio } = makeReports(now, sample(1000, {})).local;
  assert.deepEqual([audio.bitrate, audio.codec], [64_000, "opus"]);
});

test("a browser that tells no frame rate has one of its frames", () => {
  const before = sample(0, { video: { inbound: { framesDecoded: 10 } } });
  const now = sample(2000, { video: { inbound: { framesDecoded: 70 } } });
  assert.equal(makeReports(now, before).remote.video.framesPerSecond, 30);
});

test("the delay is half the round trip and what the receiver took for the new frames", () => {
  const inbound = (framesDecoded, totalProcessingDelay) => ({ framesDecoded, totalProcessingDelay });
  const transport = { currentRoundTripTime: 0.02 };
  const before = sample(0, { video: { inbound: inbound(10, 5) }, transport });
  const now = sample(2000, { video: { inbound: inbound(60, 7) }, transport });
  // milliseconds: 10 of the path, 2 s / 50 frames of the receiver
  assert.equal(makeReports(now, before).remote.video.delay, 50);
});

test("what the remote peer reports goes before our own round trip", () => {
  const remoteInbound = { roundTripTime: 0.3, packetsLost: 4, fractionLost: 0.5, jitter: 0.01 };
  const transport = { currentRoundTripTime: 0.02 };
  const { video } = makeReports(sample(0, { video: { remoteInbound }, transport }), null).remote;
  assert.deepEqual(
    [video.roundTripTime, video.remotePacketsLost, video.remoteFractionLost, video.remoteJitter],
    [0.3, 4, 0.5, 0.01],
  );
});
