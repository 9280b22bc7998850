// @ts-check
/**
 * Everything that is measured during a call: the plots, and a table of all of it for whoever looks
 * for a fault.
 */

import { byId } from "./dom.js";
import { translate } from "./i18n.js";
import { Plots } from "./plots.js";

/**
 * @typedef {import("./conversation.js").Conversation} Conversation
 * @typedef {import("./conversation.js").StatisticsReport} StatisticsReport
 */

export class Measurements {
  #section = byId("measurements");
  #plots = new Plots(byId("plots"));
  /** @type {HTMLDetailsElement} */
  #details = byId("details");
  /** @type {Record<string, StatisticsReport>} */
  #latest = {};

  constructor() {
    this.#details.addEventListener("toggle", () => this.#drawTables());
  }

  /** @param {Conversation} conversation */
  follow(conversation) {
    this.#latest = {};
    this.#plots.clear();
    conversation.on("local_stats", (report) => (this.#latest.local = report));
    conversation.on("remote_stats", (report) => {
      this.#latest.remote = report;
      this.#plots.add(report);
      this.#drawTables();
    });
    conversation.on("state", ({ state }) => (this.#section.hidden = state !== "connected"));
  }

  redraw() {
    this.#drawTables();
  }

  #drawTables() {
    if (!this.#details.open) return;
    const tables = Object.entries(this.#latest).flatMap(([side, report]) =>
      Object.entries(report).map(([part, values]) =>
        makeTable(`${translate(`plots.${side}`)} · ${part}`, values),
      ),
    );
    const none = Object.assign(document.createElement("p"), {
      textContent: translate("plots.none"),
    });
    byId("tables").replaceChildren(...(tables.length > 0 ? tables : [none]));
  }
}

/** @param {string} title @param {Record<string, any>} values */
function makeTable(title, values) {
  const section = document.createElement("section");
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(values)) {
    const term = Object.assign(document.createElement("dt"), { textContent: name });
    const text = Object.assign(document.createElement("dd"), { textContent: valueText(value) });
    list.append(term, text);
  }
  section.append(Object.assign(document.createElement("h3"), { textContent: title }), list);
  return section;
}

/** @param {any} value */
function valueText(value) {
  if (typeof value === "number") return String(Math.round(value * 1e6) / 1e6);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
