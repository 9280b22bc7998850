// @ts-nocheck
/** How long and how badly a picture suffered. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Degradation, PICTURE_MODEL } from "../../../../agent/web/callbox/statistics/degradation.js";

const sample = (second, framesReceived, bytesReceived = 0, outbound = undefined) => ({
  at: second * 1000,
  video: {
    inbound: { framesReceived, bytesReceived, frameWidth: 1280, frameHeight: 720 },
    outbound,
  },
  audio: {},
  transport: {},
});

const watched = (...samples) => {
  const degradation = new Degradation();
  samples.forEach((each, index) => degradation.add(samples[index - 1] ?? null, each));
  return degradation;
};

test("without a picture nothing is said", () => {
  const degradation = watched({ at: 0, video: {}, audio: {}, transport: {} });
  assert.deepEqual(degradation.fields, {});
  assert.equal(degradation.score(0), undefined);
});

test("a picture that does not move is degraded, and the worst interval is named", () => {
  const { fields } = watched(
    sample(0, 0),
    sample(2, 60, 500_000),
    sample(4, 60, 500_000),
    sample(5, 90, 900_000),
  );
  assert.equal(fields.degradedDuration, 2);
  assert.deepEqual(fields.worstInterval, {
    after: 2,
    duration: 2,
    framesPerSecond: 0,
    bitrate: 0,
  });
});

test("what is left over at the end is not the worst second", () => {
  const { fields } = watched(sample(0, 0), sample(1, 30), sample(1.25, 30));
  assert.equal(fields.worstInterval.framesPerSecond, 30);
});

test("seconds of each limitation are those of the intervals", () => {
  const limited = (reason) => ({ framesSent: 10, qualityLimitationReason: reason });
  const { fields } = watched(
    sample(0, 0, 0, limited("none")),
    sample(2, 60, 0, limited("none")),
    sample(3, 90, 0, limited("bandwidth")),
  );
  assert.deepEqual(fields.qualityLimitationDurations, { none: 2, bandwidth: 1 });
  assert.equal(fields.degradedDuration, 1);
});

test("a full picture has the best score, and freezes take from it", () => {
  const degradation = watched(sample(0, 0), sample(10, 300, 3_000_000));
  assert.deepEqual(degradation.score(0), { score: 5, model: PICTURE_MODEL });
  assert.ok(degradation.score(5).score < 3.1);
  assert.equal(degradation.score(100).score, 1);
});
