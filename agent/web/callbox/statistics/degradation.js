// @ts-check
/** How long and how badly a picture suffered, added up over the readings of its statistics. */

import { defined } from "../values.js";

/** @typedef {import("./sample.js").Sample} Sample */

export const PICTURE_MODEL = "callbox-picture-1";
/** Pictures a second, and bits a pixel of H.264, from which more makes hardly any difference. */
const FULL_RATE = 25;
const FULL_BITS = 0.06;

/** Seconds; what is left over at the end of a call says nothing of a second. */
const SHORTEST = 0.5;

const tenths = (/** @type {number} */ value) => Math.round(value * 10) / 10;

/** Of the picture of one conversation. */
export class Degradation {
  #watched = 0;
  #degraded = 0;
  /** @type {Record<string, number>} */
  #limited = {};
  /** @type {Record<string, number> | undefined} */
  #worst;
  #rate = 0;
  #bits = 0;

  /** One interval. @param {Sample | null} before @param {Sample} now */
  add(before, now) {
    const seconds = before ? (now.at - before.at) / 1000 : 0;
    const { inbound, outbound, remoteInbound } = now.video;
    const picture = inbound ?? outbound;
    if (!before || seconds <= 0 || !picture) return;
    const earlier = (inbound ? before.video.inbound : before.video.outbound) ?? {};
    const [frames, bytes] = inbound
      ? ["framesReceived", "bytesReceived"]
      : ["framesSent", "bytesSent"];
    const grown = (/** @type {string} */ name) =>
      Math.max(0, (picture[name] ?? 0) - (earlier[name] ?? 0)) / seconds;
    const rate = grown(frames);
    const bitrate = grown(bytes) * 8;
    const reason = outbound?.qualityLimitationReason;
    this.#watched += seconds;
    if (reason) this.#limited[reason] = (this.#limited[reason] ?? 0) + seconds;
    if ((reason && reason !== "none") || rate === 0) this.#degraded += seconds;
    this.#rate += seconds * Math.min(1, rate / FULL_RATE);
    const pixels = (picture.frameWidth ?? 0) * (picture.frameHeight ?? 0) * rate;
    if (pixels) this.#bits += seconds * Math.min(1, bitrate / pixels / FULL_BITS);
    const isWorse = !this.#worst || rate < this.#worst.framesPerSecond;
    if (seconds >= SHORTEST && isWorse) {
      this.#worst = defined({
        after: tenths(this.#watched - seconds),
        duration: tenths(seconds),
        framesPerSecond: tenths(rate),
        bitrate: Math.round(bitrate),
        fractionLost: remoteInbound?.fractionLost,
        roundTripTime: remoteInbound?.roundTripTime ?? now.transport.currentRoundTripTime,
      });
    }
  }

  /** What the record says of it; nothing where no picture was watched. */
  get fields() {
    if (!this.#watched) return {};
    const limited = Object.entries(this.#limited).map(([reason, each]) => [reason, tenths(each)]);
    return defined({
      degradedDuration: tenths(this.#degraded),
      qualityLimitationDurations: limited.length > 0 ? Object.fromEntries(limited) : undefined,
      worstInterval: this.#worst,
    });
  }

  /**
   * 1 (bad) to 5: of the rate, the bits a pixel, and the share of time without a freeze of `frozen`
   * seconds in all.
   * @param {number} frozen
   */
  score(frozen) {
    if (!this.#watched) return undefined;
    const moving = Math.max(0, 1 - frozen / this.#watched);
    const share =
      (this.#rate / this.#watched) * (0.4 + (0.6 * this.#bits) / this.#watched) * moving;
    return { score: Math.round((1 + 4 * share) * 100) / 100, model: PICTURE_MODEL };
  }
}
