// @ts-check
/** What the call record says of a call's media (PROTOCOL 5). */

import { defined } from "../values.js";
import { Degradation } from "./degradation.js";

const VOICE_MODEL = "e-model-simplified";

/** @typedef {import("./sample.js").Sample} Sample */

/** Totals and means of one conversation, over every transport that it had. */
export class Totals {
  /** @type {Sample | null} */
  last = null;
  /** @type {Record<string, Record<string, number>>} */
  #earlier = { video: {}, audio: {} };
  #degradation = new Degradation();
  /** @type {Record<string, { trips: number[], jitters: number[] }>} */
  #means = { video: { trips: [], jitters: [] }, audio: { trips: [], jitters: [] } };

  /** @param {Sample} sample */
  add(sample) {
    this.#degradation.add(this.last, sample);
    this.last = sample;
    for (const kind of /** @type {const} */ (["video", "audio"])) {
      const { inbound, remoteInbound } = sample[kind];
      const trip =
        remoteInbound?.roundTripTime ?? (inbound && sample.transport.currentRoundTripTime);
      keepMean(this.#means[kind].trips, trip);
      keepMean(this.#means[kind].jitters, inbound?.jitter);
    }
  }

  /** The transport changes: counters start again. */
  carryOver() {
    for (const kind of /** @type {const} */ (["video", "audio"])) {
      this.#earlier[kind] = this.#counters(kind);
    }
    this.last = null;
  }

  /** @param {"video" | "audio"} kind @param {number} seconds connected */
  of(kind, seconds) {
    const counters = this.#counters(kind);
    if (Object.keys(counters).length === 0) return undefined;
    const sample = this.last?.[kind];
    const mean = (/** @type {number | undefined} */ total, factor = 1) =>
      total !== undefined && seconds > 0
        ? Math.round(((total * factor) / seconds) * 10) / 10
        : undefined;
    const bits = (/** @type {number | undefined} */ bytes) =>
      bytes !== undefined && seconds > 0 ? Math.round((bytes * 8) / seconds) : undefined;
    return defined({
      codec: sample?.codecReceived ?? sample?.codecSent,
      frameWidth: sample?.inbound?.frameWidth ?? sample?.outbound?.frameWidth,
      frameHeight: sample?.inbound?.frameHeight ?? sample?.outbound?.frameHeight,
      ...counters,
      meanBitrateSent: bits(counters.bytesSent),
      meanBitrateReceived: bits(counters.bytesReceived),
      meanFramesPerSecondSent: mean(counters.framesSent),
      meanFramesPerSecondReceived: mean(counters.framesReceived),
      meanRoundTripTime: meanValue(this.#means[kind].trips),
      meanJitter: meanValue(this.#means[kind].jitters),
      ...(kind === "video" ? this.#degradation.fields : {}),
    });
  }

  /**
   * A simplified E-model (ITU-T G.107) from delay, jitter and loss; unknown where no round trip was
   * measured.
   */
  get quality() {
    const { trips, jitters } =
      this.#means.video.trips.length > 0 ? this.#means.video : this.#means.audio;
    const trip = meanValue(trips);
    if (trip === undefined) return undefined;
    const [video, audio] = [this.#counters("video"), this.#counters("audio")];
    const sum = (/** @type {string} */ name) => (video[name] ?? 0) + (audio[name] ?? 0);
    const lost = Math.max(0, sum("packetsLost"));
    const loss = lost / Math.max(1, lost + sum("packetsReceived"));
    const delay = trip * 500 + (meanValue(jitters) ?? 0) * 2000 + 10; // ms, one way
    const rating = 93.2 - (delay < 160 ? delay / 40 : (delay - 120) / 10) - 250 * loss;
    const r = Math.min(Math.max(rating, 0), 100);
    const mos = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r);
    const score = Math.round(Math.min(Math.max(mos, 1), 5) * 100) / 100;
    const heard = Object.keys(audio).length > 0;
    return defined({
      mos: score,
      model: VOICE_MODEL,
      video: this.#degradation.score(video.totalFreezesDuration ?? 0),
      audio: heard ? { score, model: VOICE_MODEL } : undefined,
    });
  }

  get path() {
    const {
      localCandidateType: local,
      remoteCandidateType: remote,
      protocol,
      relayed,
    } = this.last?.transport ?? {};
    return local || remote ? defined({ local, remote, protocol, relayed }) : undefined;
  }

  /** @param {"video" | "audio"} kind @returns {Record<string, number>} */
  #counters(kind) {
    const { outbound: sent, inbound: received, remoteInbound } = this.last?.[kind] ?? {};
    const now = defined({
      framesSent: sent?.framesSent,
      keyFramesSent: sent?.keyFramesEncoded,
      framesReceived: received?.framesReceived,
      bytesSent: sent?.bytesSent,
      bytesReceived: received?.bytesReceived,
      packetsSent: sent?.packetsSent,
      packetsReceived: received?.packetsReceived,
      packetsLost: received?.packetsLost,
      remotePacketsLost: remoteInbound?.packetsLost,
      retransmittedPacketsSent: sent?.retransmittedPacketsSent,
      nackCount: received?.nackCount,
      pliCount: received?.pliCount,
      freezeCount: received?.freezeCount,
      totalFreezesDuration: received?.totalFreezesDuration,
    });
    /** @type {Record<string, number>} */
    const total = { ...this.#earlier[kind] };
    for (const [name, value] of Object.entries(now)) total[name] = (total[name] ?? 0) + value;
    return total;
  }
}

/**
 * `[sum, count]`, so that a long call costs no memory.
 * @param {number[]} mean
 * @param {number | undefined} value
 */
function keepMean(mean, value) {
  if (value === undefined || !Number.isFinite(value)) return;
  mean[0] = (mean[0] ?? 0) + value;
  mean[1] = (mean[1] ?? 0) + 1;
}

/** @param {number[]} mean */
const meanValue = ([sum, count]) => (count ? Math.round((sum / count) * 1e6) / 1e6 : undefined);
