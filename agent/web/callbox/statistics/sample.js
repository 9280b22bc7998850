// @ts-check
/** One reading of a transport's W3C statistics. */

import { defined } from "../values.js";

/** Identifiers that mean nothing outside of one report. */
const NOT_STATISTICS =
  /^(id|type|timestamp|kind|mediaType|ssrc|mid|rid|trackIdentifier|rtxSsrc|fecSsrc|.*Id)$/;

/** What is known of `stats`, under its W3C names. @param {Record<string, any> | undefined} stats */
export function known(stats) {
  const isKnown = (/** @type {[string, any]} */ [name, value]) =>
    !NOT_STATISTICS.test(name) &&
    value !== null &&
    value !== undefined &&
    !(typeof value === "number" && !Number.isFinite(value));
  return Object.fromEntries(Object.entries(stats ?? {}).filter(isKnown));
}

/**
 * One reading of a transport: the W3C objects that matter, by what they are.
 * @typedef {{ outbound?: any, inbound?: any, remoteInbound?: any, codecSent?: string,
 *   codecReceived?: string }} KindSample
 * @typedef {{ at: number, transport: Record<string, any>, video: KindSample, audio: KindSample,
 *   mediaReceived: number, packetsReceived: number }} Sample
 *   `mediaReceived` counts packets of picture and sound, `packetsReceived` those of any kind
 */

/**
 * @param {RTCStatsReport} report
 * @param {number} at milliseconds of a clock that never goes back
 * @returns {Sample}
 */
export function readSample(report, at) {
  /** @type {any[]} */
  const all = [];
  report.forEach((entry) => all.push(entry));
  const first = (/** @type {(entry: any) => boolean} */ test) => all.find(test);
  const codec = (/** @type {any} */ stats) =>
    stats?.codecId && first(({ id }) => id === stats.codecId)?.mimeType?.split("/")[1];
  const kind = (/** @type {string} */ name) => {
    const outbound = first(
      (e) => e.type === "outbound-rtp" && e.kind === name && e.packetsSent > 0,
    );
    const inbound = first(
      (e) => e.type === "inbound-rtp" && e.kind === name && e.packetsReceived > 0,
    );
    const remoteInbound = first((e) => e.type === "remote-inbound-rtp" && e.kind === name);
    return {
      outbound,
      inbound,
      remoteInbound,
      codecSent: codec(outbound),
      codecReceived: codec(inbound),
    };
  };
  const [video, audio] = [kind("video"), kind("audio")];
  const dtls = first(({ type }) => type === "transport");
  const mediaReceived =
    (video.inbound?.packetsReceived ?? 0) + (audio.inbound?.packetsReceived ?? 0);
  const packetsReceived = dtls?.packetsReceived ?? mediaReceived;
  return { at, video, audio, transport: readPath(all, dtls), mediaReceived, packetsReceived };
}

/**
 * The selected candidate pair and its transport.
 * @param {any[]} all
 * @param {any} dtls
 * @returns {Record<string, any>}
 */
function readPath(all, dtls) {
  const byId = (/** @type {string} */ id) => all.find((entry) => entry.id === id);
  const chosen = (/** @type {any} */ e) =>
    e.type === "candidate-pair" && e.state === "succeeded" && e.nominated;
  const pair = byId(dtls?.selectedCandidatePairId) ?? all.find(chosen);
  if (!pair) return {};
  const local = byId(pair.localCandidateId);
  const remote = byId(pair.remoteCandidateId);
  return defined({
    localCandidateType: local?.candidateType,
    remoteCandidateType: remote?.candidateType,
    protocol: local?.relayProtocol ?? local?.protocol,
    relayed:
      local && remote && [local, remote].some(({ candidateType }) => candidateType === "relay"),
    ...known(pair),
    ...known(dtls),
  });
}
