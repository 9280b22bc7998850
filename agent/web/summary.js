// @ts-check
/** The record of a call that ended, and the sentence that says how. */

import { byId, clockText } from "./dom.js";
import { currentLanguage, translate } from "./i18n.js";
import { sentenceOf, wentWell } from "./sentences.js";

/** @typedef {import("./conversation.js").CallRecord} CallRecord */

export class Summary {
  #section = byId("summary");
  /** @type {{ record: CallRecord, errorCode: string | null } | null} */
  #shown = null;

  /** @param {{ onAgain: (uid: string, purpose?: "view") => void }} actions */
  constructor({ onAgain }) {
    byId("again").addEventListener("click", () => {
      const { remoteUid, purpose } = this.#shown?.record ?? {};
      if (remoteUid) onAgain(remoteUid, purpose);
    });
    byId("copy").addEventListener("click", () => void this.#copy());
    byId("copy").hidden = !navigator.clipboard; // only secure pages have one
    byId("dismiss").addEventListener("click", () => this.hide());
  }

  /**
   * Shows `record` and returns the sentence.
   * @param {CallRecord} record
   * @param {string | null} errorCode
   */
  show(record, errorCode) {
    this.#shown = { record, errorCode };
    byId("copy").textContent = translate("summary.copy");
    return this.redraw();
  }

  hide() {
    this.#shown = null;
    this.#section.hidden = true;
  }

  redraw() {
    if (!this.#shown) return "";
    const { record, errorCode } = this.#shown;
    const { remoteUid: name, takenBy: by = "" } = record;
    const names = { name, by, reason: record.responseReason ?? record.reason };
    const sentence = translate(sentenceOf(record, errorCode), names);
    byId("summary-sentence").textContent = sentence;
    this.#section.dataset.kind = wentWell(record) ? "good" : "bad";
    this.#section.dataset.reason = record.reason;
    byId("summary-facts").replaceChildren(...factsOf(record).flatMap(makeFact));
    this.#section.hidden = false;
    return sentence;
  }

  async #copy() {
    await navigator.clipboard.writeText(JSON.stringify(this.#shown?.record, null, 2));
    byId("copy").textContent = translate("summary.copied");
  }
}

/**
 * What is known about the call, as key and value.
 * @param {CallRecord} record
 * @returns {[string, string][]}
 */
function factsOf(record) {
  const { video = {}, audio = {}, path, setup, callStatus } = record;
  const number = (/** @type {unknown} */ value) => (typeof value === "number" ? value : 0);
  const received = number(video.bytesReceived) + number(audio.bytesReceived);
  const sent = number(video.bytesSent) + number(audio.bytesSent);
  const trip = video.meanRoundTripTime ?? audio.meanRoundTripTime;
  const connected = Boolean(record.connectedAt);
  /** @type {[string, string | null | undefined][]} */
  const facts = [
    ["device", record.remoteUid],
    ["duration", connected ? clockText(record.duration) : null],
    ["ended", new Date(record.endedAt).toLocaleTimeString(currentLanguage())],
    ["status", callStatus && answerText(callStatus, record.responseReason)],
    ["setup", setup.firstFrame === undefined ? null : `${setup.firstFrame} ms`],
    [
      "path",
      path &&
        `${translate(path.relayed ? "stage.relayed" : "stage.direct")} (${[path.local, path.protocol].filter(Boolean).join(", ")})`,
    ],
    ["picture", pictureText(video)],
    ["received", connected ? sizeText(received) : null],
    ["sent", connected && sent > 0 ? sizeText(sent) : null],
    ["loss", connected ? String(number(video.packetsLost) + number(audio.packetsLost)) : null],
    ["roundtrip", typeof trip === "number" ? `${(trip * 1000).toFixed(1)} ms` : null],
    ["reconnects", record.reconnects > 0 ? String(record.reconnects) : null],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}

/**
 * In words, and the device's code where that says more.
 * @param {string} status
 * @param {string} [reason]
 */
export function answerText(status, reason) {
  const words = translate(`answer.${status}`);
  const saysMore = reason && status === "REJECTED" && reason !== "rejected";
  return saysMore ? `${words} (${reason})` : words;
}

/** @param {[string, string]} fact */
function makeFact([key, value]) {
  const group = document.createElement("div");
  const term = Object.assign(document.createElement("dt"), {
    textContent: translate(`summary.${key}`),
  });
  const text = Object.assign(document.createElement("dd"), { textContent: value });
  group.append(term, text);
  return [group];
}

/** @param {Record<string, number | string>} video */
function pictureText({ frameWidth, frameHeight, meanFramesPerSecondReceived: rate, codec }) {
  if (!frameWidth || !frameHeight) return null;
  const frames = typeof rate === "number" ? `, ${Math.round(rate)} fps` : "";
  return `${frameWidth} × ${frameHeight}${frames}${codec ? `, ${codec}` : ""}`;
}

/** @param {number} bytes */
function sizeText(bytes) {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
