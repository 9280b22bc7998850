// @ts-check
/** `local_stats` and `remote_stats` (PROTOCOL 5). */

import { defined } from "../values.js";
import { known } from "./sample.js";

/**
 * @typedef {import("./sample.js").Sample} Sample
 * @typedef {import("./sample.js").KindSample} KindSample
 * @typedef {Record<string, any>} MediaStatistics W3C webrtc-stats names; what is not known is left
 *   out
 * @typedef {{ video?: MediaStatistics, audio?: MediaStatistics, transport?: Record<string, any> }}
 *   StatisticsReport
 */

/**
 * Growth per second of a counter between two samples; undefined where either is missing.
 * @param {number | undefined} now
 * @param {number | undefined} before
 * @param {number} seconds
 */
function rate(now, before, seconds) {
  return now === undefined || before === undefined || !(seconds > 0) || now < before
    ? undefined
    : (now - before) / seconds;
}

/**
 * The mean of a running total over what was added since `before`.
 * @param {any} now
 * @param {any} before
 * @param {string} total
 * @param {string} count
 */
function meanOf(now, before, total, count) {
  const added = now?.[count] - (before?.[count] ?? 0);
  return added > 0 ? (now[total] - (before?.[total] ?? 0)) / added : undefined;
}

/**
 * `local_stats` and `remote_stats` of PROTOCOL 5, from two readings.
 * @param {Sample} sample
 * @param {Sample | null} before
 * @returns {{ local: StatisticsReport, remote: StatisticsReport }}
 */
export function makeReports(sample, before) {
  const seconds = before ? (sample.at - before.at) / 1000 : NaN;
  const each = (/** @type {(kind: "video" | "audio") => any} */ make) =>
    defined({ video: make("video"), audio: make("audio"), transport: { ...sample.transport } });
  return {
    local: each((kind) => sentMedia(sample[kind], before?.[kind], seconds)),
    remote: each((kind) => receivedMedia(sample[kind], before?.[kind], seconds, sample.transport)),
  };
}

/** @param {KindSample} now @param {KindSample | undefined} before @param {number} seconds */
function sentMedia({ outbound, codecSent }, before, seconds) {
  if (!outbound) return undefined;
  const bits = rate(outbound.bytesSent, before && (before.outbound?.bytesSent ?? 0), seconds);
  return defined({
    frameWidth: outbound.frameWidth,
    frameHeight: outbound.frameHeight,
    framesPerSecond: outbound.framesPerSecond,
    bytesSent: outbound.bytesSent,
    bitrate: bits === undefined ? undefined : Math.round(bits * 8),
    codec: codecSent,
    ...known(outbound),
  });
}

/**
 * @param {KindSample} now
 * @param {KindSample | undefined} before
 * @param {number} seconds
 * @param {Record<string, any>} transport
 */
function receivedMedia(now, before, seconds, transport) {
  const { inbound, remoteInbound, codecReceived } = now;
  if (!inbound && !remoteInbound) return undefined;
  const bits = rate(
    inbound?.bytesReceived,
    before && (before.inbound?.bytesReceived ?? 0),
    seconds,
  );
  const trip = remoteInbound?.roundTripTime ?? transport.currentRoundTripTime;
  return defined({
    frameWidth: inbound?.frameWidth,
    frameHeight: inbound?.frameHeight,
    framesPerSecond:
      inbound?.framesPerSecond ??
      rate(inbound?.framesDecoded, before?.inbound?.framesDecoded, seconds),
    bytesReceived: inbound?.bytesReceived,
    bitrate: bits === undefined ? undefined : Math.round(bits * 8),
    delay: inbound && oneWayDelay(inbound, before?.inbound, trip),
    codec: codecReceived,
    ...known(inbound),
    roundTripTime: trip,
    remotePacketsLost: remoteInbound?.packetsLost,
    remoteFractionLost: remoteInbound?.fractionLost,
    remoteJitter: remoteInbound?.jitter,
  });
}

/**
 * Half the round trip, and what the receiver itself takes from the first packet to the picture:
 * milliseconds.
 * @param {any} inbound
 * @param {any} before
 * @param {number | undefined} trip seconds
 */
function oneWayDelay(inbound, before, trip) {
  if (trip === undefined) return undefined;
  const processing = meanOf(inbound, before, "totalProcessingDelay", "framesDecoded");
  const buffered = meanOf(inbound, before, "jitterBufferDelay", "jitterBufferEmittedCount");
  return Math.round((trip / 2 + (processing ?? buffered ?? 0)) * 10_000) / 10;
}
