// @ts-check
/** Calls: over time, why they ended, how long and how good, and the latest. */

import { barsOverTime, distribution, RESULTS } from "./charts.js";
import { byId } from "./dom.js";
import { arrange, element } from "./elements.js";
import { translate } from "./i18n.js";
import { countText, measureText, momentText, reasonText, shareText, spanText } from "./words.js";

const MEASURES = ["first_frame", "response", "mos", "round_trip", "loss"];
const NOT_CONNECTED = new Set(["refused", "unanswered", "failed"]);

/** @param {Record<string, any>} answer */
export function showOverview(answer) {
  const results = /** @type {Record<string, number>} */ (answer.results);
  const all = Object.values(results).reduce((a, b) => a + b, 0);
  const connected = results.connected ?? 0;
  const tried = all - (results.superseded ?? 0);
  const facts = {
    calls: countText(all),
    connected: shareText(connected, tried),
    failed: shareText(results.failed ?? 0, tried),
    dropped: shareText(answer.dropped, connected),
    relayed: shareText(answer.relayed, connected),
    mean: connected ? spanText(answer.duration / connected) : "–",
  };
  arrange(byId("facts"), Object.entries(facts), String, ([name, value]) =>
    element(
      "div",
      { title: translate(`fact.${name}.title`) },
      element("dt", {}, translate(`fact.${name}`)),
      element("dd", { "data-testid": `fact-${name}` }, value),
    ),
  );
  byId("over-time").replaceChildren(barsOverTime(/** @type {any} */ (answer)));
  const legend = RESULTS.filter((each) => results[each]);
  arrange(byId("legend"), legend, String, (result) =>
    element(
      "li",
      {},
      element("span", { class: `swatch swatch-${result}` }),
      `${translate(`result.${result}`)} ${countText(results[result])}`,
    ),
  );
  const measured = MEASURES.filter((each) => answer.distributions[each]);
  arrange(byId("spreads"), measured, String, (each) =>
    distribution(each, answer.distributions[each]),
  );
  showReasons(answer.reasons);
}

/** @param {{ result: string, reason: string, calls: number }[]} reasons */
function showReasons(reasons) {
  /** @type {Map<string, { result: string, reason: string, calls: number }>} */
  const sums = new Map();
  for (const { result, reason, calls } of reasons) {
    if (!NOT_CONNECTED.has(result)) continue;
    const sum = sums.get(`${result} ${reason}`) ?? { result, reason, calls: 0 };
    sum.calls += calls;
    sums.set(`${result} ${reason}`, sum);
  }
  const sorted = [...sums.values()].sort((a, b) => b.calls - a.calls).slice(0, 10);
  const top = Math.max(1, ...sorted.map(({ calls }) => calls));
  arrange(byId("why"), sorted, ({ result, reason }) => `${result} ${reason}`, (each) =>
    element(
      "li",
      {},
      element(
        "span",
        { class: "label" },
        element("span", {}, reasonText(each.reason)),
        element("span", { class: "soft" }, translate(`result.${each.result}`)),
      ),
      element("meter", {
        class: `result-${each.result}`,
        min: "0",
        max: String(top),
        value: String(each.calls),
        "aria-label": reasonText(each.reason),
      }),
      element("span", { class: "count" }, countText(each.calls)),
    ),
  );
  byId("why-none").hidden = sorted.length > 0;
}

/** @param {Record<string, any>} answer */
export function showLatest({ calls }) {
  showCalls(byId("latest"), calls, 12);
  byId("latest-none").hidden = calls.length > 0;
}

/**
 * One row for each conversation: two devices may have told of it.
 * @param {HTMLElement} list
 * @param {Record<string, any>[]} calls
 * @param {number} most
 */
export function showCalls(list, calls, most) {
  const conversations = new Map(calls.map((each) => [each.conversation, each]).reverse());
  const latest = [...conversations.values()].reverse().slice(0, most);
  arrange(list, latest, (call) => call.conversation, callRow);
}

/** @param {Record<string, any>} call */
function callRow(call) {
  const [from, to] =
    call.direction === "outgoing" ? [call.device, call.remoteUid] : [call.remoteUid, call.device];
  const href = `#call=${encodeURIComponent(call.conversation)}`;
  return element(
    "li",
    {},
    element(
      "a",
      { href, class: "call-link" },
      element("span", { class: `swatch swatch-${call.result}` }),
      element("span", { class: "pair" }, `${from} → ${to}`),
      element(
        "span",
        { class: "ended" },
        call.result === "connected" ? spanText(call.duration) : translate(`result.${call.result}`),
      ),
      element("span", { class: "ended soft" }, reasonText(call.reason)),
      element("span", { class: "soft quality" }, call.mos ? `MOS ${measureText("mos", call.mos)}` : ""),
      element("time", { class: "soft", datetime: call.timestamp }, momentText(call.timestamp)),
    ),
  );
}
