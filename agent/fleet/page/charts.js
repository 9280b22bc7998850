// @ts-check
/** SVG drawings: bars over time, distributions, lines. Each says in words what it shows. */

import { drawing, element } from "./elements.js";
import { translate } from "./i18n.js";
import { countText, measureText, stepText } from "./words.js";

/** The results of a call, from the bottom of a bar to its top. */
export const RESULTS = ["connected", "refused", "unanswered", "superseded", "failed"];

const [WIDTH, HEIGHT] = [960, 180];

/**
 * Calls over time, stacked by result.
 * @param {{ since: string, step: number, overTime: { timestamp: string, results:
 *   Record<string, number> }[] }} answer
 */
export function barsOverTime({ since, step, overTime }) {
  const begin = Date.parse(since);
  const bars = Math.max(1, Math.min(400, Math.ceil((Date.now() - begin) / (step * 1000))));
  const sums = overTime.map(({ results }) => Object.values(results).reduce((a, b) => a + b, 0));
  const top = Math.max(4, ...sums);
  const pitch = WIDTH / bars;
  const gap = Math.min(4, pitch * 0.2);
  const svg = drawing("svg", { "aria-hidden": "true", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
  for (const line of [0.25, 0.5, 0.75, 1]) {
    const y = HEIGHT - line * (HEIGHT - 4);
    svg.append(drawing("line", { class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y }));
  }
  for (const { timestamp, results } of overTime) {
    const index = Math.round((Date.parse(timestamp) - begin) / (step * 1000));
    const group = drawing("g");
    let y = HEIGHT;
    for (const result of RESULTS) {
      const height = ((results[result] ?? 0) / top) * (HEIGHT - 4);
      if (!height) continue;
      y -= height;
      const [x, width] = [index * pitch + gap / 2, Math.max(1, pitch - gap)];
      group.append(drawing("rect", { class: `result-${result}`, x, y, width, height }));
    }
    const words = RESULTS.filter((each) => results[each]).map(
      (each) => `${translate(`result.${each}`)}: ${countText(results[each])}`,
    );
    const when = stepText(new Date(timestamp), step);
    group.append(drawing("title", {}, `${when}\n${words.join("\n")}`));
    svg.append(group);
  }
  const all = sums.reduce((a, b) => a + b, 0);
  const label = translate("calls.chart", { calls: countText(all), top: countText(Math.max(0, ...sums)) });
  const ends = [begin, begin + (Date.now() - begin) / 2, Date.now()];
  return element(
    "div",
    { class: "chart" },
    element("span", { class: "top soft", "aria-hidden": "true" }, countText(top)),
    element("div", { class: "canvas", role: "img", "aria-label": label }, svg),
    element(
      "div",
      { class: "axis soft", "aria-hidden": "true" },
      ...ends.map((moment) => element("span", {}, stepText(new Date(moment), step))),
    ),
  );
}

/**
 * How often which value was met.
 * @param {string} measure
 * @param {{ ends: number[], calls: number[], median: number | null, p95: number | null,
 *   p5: number | null }} found
 */
export function distribution(measure, found) {
  const { ends, calls } = found;
  const name = translate(`measure.${measure}`);
  const all = calls.reduce((a, b) => a + b, 0);
  const top = Math.max(1, ...calls);
  const [width, height] = [calls.length * 24, 90];
  const svg = drawing("svg", { "aria-hidden": "true", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  calls.forEach((count, index) => {
    const tall = Math.max(count ? 2 : 0, (count / top) * (height - 2));
    const upTo =
      index < ends.length
        ? translate("measure.upto", { value: measureText(measure, ends[index]) })
        : translate("measure.above", { value: measureText(measure, ends.at(-1)) });
    svg.append(
      drawing(
        "g",
        {},
        drawing("rect", { class: "hover", x: index * 24, y: 0, width: 24, height }),
        drawing("rect", {
          class: `bar grade-${gradeOf(measure, ends[index] ?? Infinity)}`,
          x: index * 24 + 2,
          y: height - tall,
          width: 20,
          height: tall,
        }),
        drawing("title", {}, `${upTo}: ${countText(count)}`),
      ),
    );
  });
  const edge = measure === "mos" ? ["p5", found.p5] : ["p95", found.p95];
  const values = {
    name,
    median: measureText(measure, found.median),
    edge: measureText(measure, /** @type {number | null} */ (edge[1])),
    calls: countText(all),
  };
  const mostly = /** @type {string} */ (edge[0]);
  return element(
    "figure",
    { class: "card figure", "data-testid": `spread-${measure}` },
    element("figcaption", {}, name),
    element(
      "p",
      { class: "figures" },
      element("strong", {}, values.median),
      element("span", { class: "soft" }, translate(`measure.${mostly}`, { value: values.edge })),
    ),
    element(
      "div",
      { class: "canvas", role: "img", "aria-label": translate("measure.label", values) },
      svg,
    ),
    element(
      "div",
      { class: "axis soft", "aria-hidden": "true" },
      element("span", {}, `≤ ${measureText(measure, ends[0])}`),
      element("span", {}, `> ${measureText(measure, ends.at(-1))}`),
    ),
  );
}

/** How good a value is; people need not know the thresholds. */
const GRADES = /** @type {Record<string, [number, number]>} */ ({
  response: [0.5, 2],
  first_frame: [1.5, 3],
  round_trip: [0.15, 0.3],
  loss: [0.01, 0.05],
});

/** @param {string} measure @param {number} end */
function gradeOf(measure, end) {
  if (measure === "mos") return end > 3.5 ? "good" : end > 2.5 ? "fair" : "bad";
  const [good, fair] = GRADES[measure] ?? [Infinity, Infinity];
  return end <= good ? "good" : end <= fair ? "fair" : "bad";
}

/**
 * One value over a call, a line for each device.
 * @param {string} name
 * @param {(value: number) => string} format
 * @param {{ at: number, value: number, line: number }[]} points `at` 0..1
 * @param {number} floor the smallest full scale
 */
export function linesOverCall(name, format, points, floor) {
  const top = Math.max(floor, ...points.map(({ value }) => value)) * 1.08;
  const [width, height] = [600, 80];
  const svg = drawing("svg", { "aria-hidden": "true", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  for (const line of new Set(points.map((point) => point.line))) {
    const path = points
      .filter((point) => point.line === line)
      .map(({ at, value }) => `${(at * width).toFixed(1)} ${(height - (value / top) * height).toFixed(1)}`)
      .join("L");
    svg.append(drawing("path", { class: `line line-${line % 4}`, d: `M${path}` }));
  }
  const values = points.map(({ value }) => value).sort((a, b) => a - b);
  const median = format(values[Math.floor(values.length / 2)]);
  const [least, most] = [format(values[0]), format(values[values.length - 1])];
  const between = least === most ? least : translate("plot.between", { least, most });
  return element(
    "figure",
    { class: "plotted" },
    element(
      "figcaption",
      {},
      name,
      element("span", { class: "soft" }, between),
    ),
    element(
      "div",
      { class: "canvas", role: "img", "aria-label": translate("plot.label", { name, least, most, median }) },
      svg,
    ),
  );
}
