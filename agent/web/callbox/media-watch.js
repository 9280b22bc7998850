// @ts-check
/**
 * What a connected call is sampled for: statistics, silence, the first packets and the first
 * picture.
 */

import { makeReports } from "./statistics/reports.js";
import { readSample } from "./statistics/sample.js";
import { Totals } from "./statistics/totals.js";
import { pause } from "./timers.js";

/** Milliseconds. */
const SAMPLE = 1_000;
const SAMPLES_PER_REPORT = 2;
/** With nothing arriving at all, not even RTCP, in so many samples the remote peer is silent. */
const SILENT_SAMPLES = 3;
/** How often the first picture is looked for, milliseconds; later less often. */
const FIRST_FRAME_POLL = 40;
/** What the final statistics may cost at the end of a call, milliseconds. */
const LAST_SAMPLE = 200;

/**
 * @typedef {import("./statistics/sample.js").Sample} Sample
 * @typedef {import("./statistics/reports.js").StatisticsReport} StatisticsReport
 * @typedef {import("./transport.js").Transport} Transport
 *
 * @typedef {object} MediaWatchHooks
 * @property {() => Transport | null} transport that carries the media
 * @property {() => void} onHeard something has arrived since the last sample
 * @property {(seconds: number) => void} onSilent nothing has for so long
 * @property {(kind: string, codec: string) => void} onTrack the first packets of a kind have
 *   arrived
 * @property {() => void} onFirstFrame
 * @property {(local: StatisticsReport, remote: StatisticsReport) => void} onReport
 */
export class MediaWatch {
  totals = new Totals();
  #hooks;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #samples = 0;
  #silentSamples = 0;
  #sampling = false;
  /** @type {Sample | null} */
  #reported = null;
  /** @type {Set<string>} */
  #kinds = new Set();

  /** @param {MediaWatchHooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  start() {
    this.#timer = setInterval(() => void this.#sample(), SAMPLE);
    void this.#sample();
    void this.#awaitFirstFrame();
  }

  /** Another transport carries the media: its counters start again. */
  carryOver() {
    this.totals.carryOver();
    this.#reported = null;
    this.#silentSamples = 0;
  }

  /** Reads a last time. @param {Transport | null} transport */
  async stop(transport) {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (transport?.connected) await Promise.race([this.#lastSample(transport), pause(LAST_SAMPLE)]);
  }

  async #sample() {
    const transport = this.#hooks.transport();
    if (!transport || this.#sampling) return;
    this.#sampling = true;
    try {
      const sample = readSample(await transport.pc.getStats(), performance.now());
      if (transport !== this.#hooks.transport() || this.#timer === undefined) return;
      this.#judge(sample);
      this.totals.add(sample);
      if (this.#samples++ % SAMPLES_PER_REPORT === 0) this.#report(sample);
    } catch {
      // The transport was closed while it was read.
    } finally {
      this.#sampling = false;
    }
  }

  /** Silence is noticed here long before ICE does. @param {Sample} sample */
  #judge(sample) {
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      if (!sample[kind].inbound || this.#kinds.has(kind)) continue;
      this.#kinds.add(kind);
      this.#hooks.onTrack(kind, sample[kind].codecReceived ?? "");
    }
    const before = this.totals.last?.packetsReceived ?? 0;
    const grows = sample.packetsReceived > before;
    this.#silentSamples = grows || before === 0 ? 0 : this.#silentSamples + 1;
    if (grows) this.#hooks.onHeard();
    if (this.#silentSamples >= SILENT_SAMPLES) {
      this.#hooks.onSilent((this.#silentSamples * SAMPLE) / 1000);
    }
  }

  /** @param {Sample} sample */
  #report(sample) {
    const before = this.#reported;
    this.#reported = sample;
    if (!before) return;
    const { local, remote } = makeReports(sample, before);
    this.#hooks.onReport(local, remote);
  }

  async #awaitFirstFrame() {
    for (
      let wait = FIRST_FRAME_POLL;
      this.#timer !== undefined;
      wait = Math.min(wait * 1.1, SAMPLE)
    ) {
      const receivers = this.#hooks.transport()?.pc.getReceivers() ?? [];
      const receiver = receivers.find(({ track }) => track.kind === "video");
      if (!receiver) return;
      let frames = 0;
      (await receiver.getStats()).forEach(
        (entry) => (frames = Math.max(frames, entry.framesDecoded ?? 0)),
      );
      if (frames > 0) return this.#hooks.onFirstFrame();
      await pause(wait);
    }
  }

  /** @param {Transport} transport */
  async #lastSample(transport) {
    await Promise.allSettled(transport.pc.getSenders().map((sender) => sender.replaceTrack(null)));
    try {
      this.totals.add(readSample(await transport.pc.getStats(), performance.now()));
    } catch {
      // What was read a second ago stands.
    }
  }
}
