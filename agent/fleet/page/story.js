// @ts-check
/** One call from its invitation to its close, and one device, in the dialog. */

import { linesOverCall } from "./charts.js";
import { faultList, stateChip } from "./device-list.js";
import { showCalls } from "./call-list.js";
import { drawing, element } from "./elements.js";
import { translate } from "./i18n.js";
import { agoText, known, measureText, momentText, reasonText, shareText, spanText } from "./words.js";

/** @typedef {Record<string, any>} Answer */

const PHASES = ["response", "ice", "dtls", "firstFrame"];
const PLOTS = /** @type {[string, number, (value: number) => string][]} */ ([
  ["bitrate", 500_000, (v) => (v >= 1e6 ? `${(v / 1e6).toFixed(1)} Mbit/s` : `${Math.round(v / 1e3)} kbit/s`)],
  ["framesPerSecond", 30, (v) => `${Math.round(v)} fps`],
  ["roundTripTime", 0.05, (v) => spanText(v)],
  ["loss", 0.02, (v) => `${(v * 100).toFixed(1)} %`],
]);

/** @param {Answer} story */
export function callStory(story) {
  const record = story.records[0] ?? {};
  const devices = [...new Set(story.steps.map((/** @type {Answer} */ each) => each.device))];
  return [
    element("p", { class: "sentence" }, sentenceOf(record)),
    setupBar(record),
    timeline(story.steps),
    ...plots(story, devices),
    factsOf(record),
    element("p", { class: "soft id" }, story.conversation),
  ];
}

/** @param {Answer} record */
export function pairOf(record) {
  const { direction, device, remoteUid } = record;
  return direction === "outgoing" ? `${device} → ${remoteUid}` : `${remoteUid} → ${device}`;
}

/** @param {Answer} record */
function sentenceOf(record) {
  if (!record.reason) return translate("story.going");
  const reason = reasonText(record.reason);
  if (!record.connectedAt) return translate("story.never", { reason });
  return translate("story.connected", { span: spanText(record.duration), reason });
}

/** From the invitation to the first picture, to scale. @param {Answer} record */
function setupBar(record) {
  const setup = record.setup ?? {};
  const phases = PHASES.filter((name) => typeof setup[name] === "number");
  if (!phases.length) return null;
  const whole = Math.max(...phases.map((name) => setup[name])) || 1;
  const svg = drawing("svg", { "aria-hidden": "true", viewBox: "0 0 1000 28", preserveAspectRatio: "none" });
  let begin = 0;
  for (const name of phases) {
    const end = Math.max(begin, (setup[name] / whole) * 1000);
    const bar = { class: `phase phase-${name}`, x: begin, y: 0, height: 28 };
    svg.append(drawing("rect", { ...bar, width: Math.max(0, end - begin - 3) }));
    begin = end;
  }
  const label = phases
    .map((name) => `${translate(`phase.${name}`)} ${spanText(setup[name] / 1000)}`)
    .join(", ");
  return element(
    "section",
    { class: "setup" },
    element("h3", {}, translate("story.setup")),
    element("div", { class: "canvas", role: "img", "aria-label": label }, svg),
    element(
      "ul",
      { class: "legend" },
      ...phases.map((name) =>
        element(
          "li",
          {},
          element("span", { class: `swatch phase-${name}` }),
          `${translate(`phase.${name}`)} ${spanText(setup[name] / 1000)}`,
        ),
      ),
    ),
  );
}

/** What happened, in order; what both sides tell of stands once. @param {Answer[]} steps */
function timeline(steps) {
  /** @type {(Answer & { devices: string[] })[]} */
  const merged = [];
  for (const step of steps) {
    const same = merged.find(
      (each) =>
        each.step === step.step &&
        !each.devices.includes(step.device) &&
        Math.abs(Date.parse(each.timestamp) - Date.parse(step.timestamp)) < 2000,
    );
    if (same) same.devices.push(step.device);
    // the answer is told as an event and as a mark in the record
    else if (step.step !== "response") merged.push({ ...step, devices: [step.device] });
  }
  const begin = Date.parse(merged[0]?.timestamp ?? "");
  return element(
    "ol",
    { class: "timeline", "data-testid": "timeline" },
    ...merged.map((step) =>
      element(
        "li",
        { "data-step": step.step },
        element("span", { class: "when" }, `+${spanText((Date.parse(step.timestamp) - begin) / 1000)}`),
        element(
          "span",
          {},
          element("strong", {}, known(`step.${step.step}`, step.step)),
          step.step === "closed" && step.reason
            ? element("span", {}, ` ${reasonText(step.reason)}`)
            : null,
          element("span", { class: "soft" }, ` ${step.devices.join(", ")}`),
        ),
        element("time", { class: "soft", datetime: step.timestamp }, momentText(step.timestamp)),
      ),
    ),
  );
}

/** @param {Answer} story @param {string[]} devices */
function plots(story, devices) {
  const points = /** @type {Answer[]} */ (story.statistics);
  if (!points.length) return [element("p", { class: "soft" }, translate("story.nostatistics"))];
  const times = points.map((each) => Date.parse(each.timestamp));
  const [begin, end] = [Math.min(...times), Math.max(...times)];
  const drawn = PLOTS.map(([name, floor, format]) => {
    const wanted = points
      // what each side sends, and what it is told of it
      .filter((each) => typeof each[name] === "number" && each.kind === kindOf(name))
      .map((each) => ({
        at: (Date.parse(each.timestamp) - begin) / Math.max(1, end - begin),
        value: each[name],
        line: devices.indexOf(each.device),
      }));
    return wanted.length > 1 ? linesOverCall(translate(`plot.${name}`), format, wanted, floor) : null;
  });
  const legend = element(
    "ul",
    { class: "legend" },
    ...devices.map((device, index) =>
      element("li", {}, element("span", { class: `swatch line-${index % 4}` }), device),
    ),
  );
  return [
    element("section", { class: "plots-of-call", "data-testid": "plots" }, ...drawn),
    devices.length > 1 ? legend : null,
  ];
}

/** @param {string} name */
const kindOf = (name) => (name === "loss" ? "remote_stats" : "local_stats");

/** @param {Answer} record */
function factsOf(record) {
  const { video = {}, quality = {}, path = {} } = record;
  const facts = {
    mos: quality.mos && measureText("mos", quality.mos),
    codec: video.codec && `${video.codec} ${video.frameWidth ?? "?"}×${video.frameHeight ?? "?"}`,
    roundTripTime: video.meanRoundTripTime && spanText(video.meanRoundTripTime),
    loss: video.packetsSent && shareText(video.remotePacketsLost ?? 0, video.packetsSent),
    freezes: video.freezeCount !== undefined && `${video.freezeCount} (${spanText(video.totalFreezesDuration ?? 0)})`,
    path: path.local && `${path.local} – ${path.remote} ${path.protocol ?? ""}`,
    reconnects: record.reconnects ? String(record.reconnects) : null,
  };
  const given = Object.entries(facts).filter(([, value]) => value);
  return given.length
    ? element(
        "dl",
        { class: "facts" },
        ...given.map(([name, value]) =>
          element("div", {}, element("dt", {}, translate(`record.${name}`)), element("dd", {}, String(value))),
        ),
      )
    : null;
}

/** @param {Answer} device */
export function deviceStory(device) {
  const health = device.health ?? {};
  const facts = {
    version: device.version,
    model: device.model,
    temperature: health.temperatureCelsius !== undefined && `${health.temperatureCelsius} °C`,
    wifi: health.wifi?.rssiDbm !== undefined && `${health.wifi.rssiDbm} dBm`,
    uptime: health.uptimeSeconds !== undefined && spanText(health.uptimeSeconds),
    load: health.load1,
    waiting: health.outboxWaiting,
    restarts: health.restarts,
  };
  const calls = element("ul", { class: "call-rows" });
  showCalls(calls, device.calls ?? [], 20);
  return [
    element(
      "p",
      { class: "who" },
      stateChip(device),
      element("span", { class: "soft" }, translate("worst.seen", { ago: agoText(device.lastSeen) })),
    ),
    device.faults ? faultList(device) : null,
    element(
      "dl",
      { class: "facts" },
      ...Object.entries(facts)
        .filter(([, value]) => value !== undefined && value !== false && value !== null)
        .map(([name, value]) =>
          element("div", {}, element("dt", {}, translate(`device.${name}`)), element("dd", {}, String(value))),
        ),
    ),
    element("h3", {}, translate("latest.title")),
    device.calls?.length ? calls : element("p", { class: "soft" }, translate("latest.none")),
  ];
}

