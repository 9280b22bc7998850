// @ts-nocheck
/** Statistics, silence, and media that never comes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { transports } from "../../fakes/web/peer-connection.js";
import { accepted, ANSWER_WITH_MEDIA, connected, pass } from "./harness.js";

test("connected, yet nothing arrives: media_timeout", async () => {
  const { events } = await accepted({}, null, ANSWER_WITH_MEDIA);
  transports[0].packetsReceived = -10;
  transports[0].connect();
  setInterval(() => (transports[0].otherPacketsReceived += 1), 500);
  await pass(15_100);
  assert.equal(events.of("closed")[0].reason, "media_timeout");
});

test("statistics every two seconds, under W3C names, what is unknown left out", async () => {
  const { events } = await connected();
  for (let second = 0; second < 6; second++) {
    transports[0].packetsReceived += 100;
    transports[0].framesDecoded += 30;
    await pass(1_000);
  }
  assert.equal(events.of("remote_stats").length, 3);
  const { video, transport } = events.of("remote_stats")[1];
  assert.deepEqual(Object.keys(video).slice(0, 6), [
    "frameWidth",
    "frameHeight",
    "framesPerSecond",
    "bytesReceived",
    "bitrate",
    "delay",
  ]);
  assert.equal(video.codec, "H264");
  assert.equal(video.delay, 60); // half of 20 ms, and 50 ms in the receiver
  assert.equal(video.packetsLost, 2);
  assert.deepEqual(
    [transport.localCandidateType, transport.remoteCandidateType, transport.relayed],
    ["host", "relay", true],
  );
  assert.ok(!("framesPerSecondUnknown" in video));
  assert.ok(!("audio" in events.of("remote_stats")[1]));
});

test("nothing arrives for three seconds: a fresh transport, once", async () => {
  const { events } = await connected();
  await pass(4_100);
  assert.equal(events.of("degraded").length, 1);
  assert.equal(events.of("degraded")[0].cause, "silence");
});

test("an answer that promises no media is not waited for", async () => {
  const { events } = await accepted();
  transports[0].packetsReceived = -10;
  transports[0].connect();
  setInterval(() => (transports[0].otherPacketsReceived += 1), 500);
  await pass(30_000);
  assert.deepEqual(events.of("closed"), []);
});

test("a path that only had a hole works again: restored, and the fresh transport goes quietly", async () => {
  const { events } = await connected();
  await pass(4_100);
  transports[0].packetsReceived += 5;
  await pass(1_000);
  assert.deepEqual(events.of("restored"), [{ generation: 0 }]);
});
