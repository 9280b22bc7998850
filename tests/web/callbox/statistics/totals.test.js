// @ts-nocheck
/** Totals and means of one conversation. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Totals } from "../../../../agent/web/callbox/statistics/totals.js";

const received = (inbound, trip) => ({
  video: { inbound, codecReceived: "H264" },
  audio: {},
  transport: trip === undefined ? {} : { currentRoundTripTime: trip },
});

test("counters go on where a fresh transport begins again", () => {
  const totals = new Totals();
  totals.add(received({ packetsReceived: 100, bytesReceived: 1000 }));
  totals.carryOver();
  totals.add(received({ packetsReceived: 5, bytesReceived: 250 }));
  const { packetsReceived, bytesReceived, meanBitrateReceived } = totals.of("video", 10);
  assert.deepEqual([packetsReceived, bytesReceived, meanBitrateReceived], [105, 1250, 1000]);
});

test("a transport that was never read takes nothing away", () => {
  const totals = new Totals();
  totals.add(received({ packetsReceived: 100 }));
  totals.carryOver();
  assert.equal(totals.of("video", 10).packetsReceived, 100);
  totals.carryOver();
  assert.equal(totals.of("video", 10).packetsReceived, 100);
});

test("a kind without media has no totals, and a call without connection no means", () => {
  const totals = new Totals();
  assert.equal(totals.of("audio", 10), undefined);
  totals.add(received({ framesReceived: 30, bytesReceived: 100 }));
  const video = totals.of("video", 0);
  assert.equal(video.framesReceived, 30);
  assert.ok(!("meanBitrateReceived" in video) && !("meanFramesPerSecondReceived" in video));
});

test("round trip and jitter are means of all samples", () => {
  const totals = new Totals();
  totals.add(received({ packetsReceived: 1, jitter: 0.002 }, 0.01));
  totals.add(received({ packetsReceived: 2, jitter: 0.004 }, 0.03));
  const { meanRoundTripTime, meanJitter } = totals.of("video", 1);
  assert.deepEqual([meanRoundTripTime, meanJitter], [0.02, 0.003]);
});

test("quality is unknown without a round trip, good on a good path, bad with loss and delay", () => {
  const quality = (inbound, trip) => {
    const totals = new Totals();
    totals.add(received(inbound, trip));
    return totals.quality?.mos;
  };
  assert.equal(quality({ packetsReceived: 100 }), undefined);
  assert.ok(quality({ packetsReceived: 100 }, 0.02) > 4.3);
  const lossy = quality({ packetsReceived: 90, packetsLost: 10 }, 0.02);
  const late = quality({ packetsReceived: 100 }, 0.9);
  assert.ok(lossy < 4 && late < 4);
  assert.equal(quality({ packetsReceived: 10, packetsLost: 90 }, 2), 1);
});

test("packets that were lost twice over do not count as won", () => {
  const totals = new Totals();
  totals.add(received({ packetsReceived: 100, packetsLost: -3 }, 0.02));
  assert.ok(totals.quality.mos > 4.3);
});

test("the path is the one of the last sample", () => {
  const totals = new Totals();
  assert.equal(totals.path, undefined);
  const transport = { localCandidateType: "host", remoteCandidateType: "relay", relayed: true };
  totals.add({ video: {}, audio: {}, transport });
  assert.deepEqual(totals.path, { local: "host", remote: "relay", relayed: true });
});
