// @ts-check
/**
 * Live plots of a call: bit rate, frame rate, round trip and loss, as small lines with their latest
 * value.
 */

import { translate } from "./i18n.js";

/** @typedef {import("./conversation.js").StatisticsReport} StatisticsReport */

const SAMPLES = 60; // two minutes
const FEWEST = 12; // of which the width shows at least this many
const [WIDTH, HEIGHT] = [100, 32]; // of the drawing, stretched to its box
const SVG = "http://www.w3.org/2000/svg";

/** `bits` per second in words. @param {number} bits */
export function bitrateText(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

/**
 * What is plotted. `read` gives the value of the latest reports, undefined where it is not known;
 * `floor` is the
 * smallest full scale, so that noise does not look like a mountain.
 * @type {Record<string, { floor: number, format: (value: number) => string, read: (remote:
 *   StatisticsReport, before: StatisticsReport | null) => number | undefined }>}
 */
const PLOTS = {
  bitrate: {
    floor: 500_000,
    format: bitrateText,
    read: ({ video, audio }) =>
      video || audio ? (video?.bitrate ?? 0) + (audio?.bitrate ?? 0) : undefined,
  },
  framerate: {
    floor: 30,
    format: (value) => `${Math.round(value)} fps`,
    read: ({ video }) => video?.framesPerSecond,
  },
  roundtrip: {
    floor: 50,
    format: (value) => (value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`),
    read: ({ transport }) => transport?.currentRoundTripTime * 1000,
  },
  loss: {
    floor: 5,
    format: (value) => `${value.toFixed(value > 0 && value < 10 ? 1 : 0)} %`,
    read: lossPercent,
  },
};

/**
 * Packets lost of those sent to us since the report before: percent.
 * @param {StatisticsReport} now
 * @param {StatisticsReport | null} before
 */
export function lossPercent(now, before) {
  let [lost, received] = [0, 0];
  for (const kind of /** @type {const} */ (["video", "audio"])) {
    lost += (now[kind]?.packetsLost ?? 0) - (before?.[kind]?.packetsLost ?? 0);
    received += (now[kind]?.packetsReceived ?? 0) - (before?.[kind]?.packetsReceived ?? 0);
  }
  const all = lost + received;
  return all > 0 ? (Math.max(0, lost) / all) * 100 : undefined;
}

/**
 * The line through `values` and the area below it, as SVG path data. The newest value is at the
 * right.
 * @param {number[]} values
 * @param {number} floor
 */
export function drawLine(values, floor) {
  const top = Math.max(floor, ...values) * 1.1;
  const step = WIDTH / (Math.max(FEWEST, values.length) - 1);
  const points = values.map((value, index) => {
    const x = WIDTH - (values.length - 1 - index) * step;
    return `${x.toFixed(2)} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(2)}`;
  });
  const line = points.length > 1 ? `M${points.join("L")}` : "";
  const left = (WIDTH - (values.length - 1) * step).toFixed(2);
  return { line, area: line && `${line}L${WIDTH} ${HEIGHT}L${left} ${HEIGHT}Z` };
}

/** The row of plots in `container`. */
export class Plots {
  /**
   * @type {Map<string, { values: number[], figure: HTMLElement, value: HTMLElement, line: Element,
   *   area: Element }>}
   */
  #plots = new Map();
  /** @type {StatisticsReport | null} */
  #before = null;

  /** @param {HTMLElement} container */
  constructor(container) {
    for (const name of Object.keys(PLOTS)) this.#plots.set(name, makePlot(container, name));
  }

  clear() {
    this.#before = null;
    for (const plot of this.#plots.values()) plot.values.length = 0;
    this.#draw();
  }

  /** @param {StatisticsReport} remote */
  add(remote) {
    for (const [name, { values }] of this.#plots) {
      const value = PLOTS[name].read(remote, this.#before);
      if (value !== undefined && Number.isFinite(value)) values.push(value);
      if (values.length > SAMPLES) values.shift();
    }
    this.#before = remote;
    this.#draw();
  }

  #draw() {
    for (const [name, { values, figure, value, line, area }] of this.#plots) {
      const latest = values.at(-1);
      const drawing = drawLine(values, PLOTS[name].floor);
      value.textContent = latest === undefined ? "–" : PLOTS[name].format(latest);
      line.setAttribute("d", drawing.line);
      area.setAttribute("d", drawing.area);
      const label = { name: translate(`plots.${name}`), value: value.textContent };
      figure.setAttribute("aria-label", translate("plots.label", label));
    }
  }
}

/** @param {HTMLElement} container @param {string} name */
function makePlot(container, name) {
  const figure = document.createElement("div");
  figure.className = "plot";
  figure.dataset.testid = `plot-${name}`;
  figure.setAttribute("role", "img");
  const title = document.createElement("span");
  title.className = "plot-title";
  title.dataset.i18n = `plots.${name}`;
  title.textContent = translate(`plots.${name}`);
  const value = document.createElement("span");
  value.className = "plot-value";
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  const area = drawing.appendChild(document.createElementNS(SVG, "path"));
  const line = drawing.appendChild(document.createElementNS(SVG, "path"));
  area.setAttribute("class", "plot-area");
  line.setAttribute("class", "plot-line");
  figure.append(title, value, drawing);
  container.append(figure);
  return { values: /** @type {number[]} */ ([]), figure, value, line, area };
}
