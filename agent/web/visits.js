// @ts-check
/** Who was at the door: the last visits, as the device that serves the page has kept them. */

import { arrange, byId, fromTemplate, within } from "./dom.js";
import { currentLanguage, translate } from "./i18n.js";

/**
 * @typedef {object} Visit
 * @property {string} id
 * @property {number} at Unix seconds
 * @property {string} button
 * @property {string[]} targets
 * @property {string | null} suppressed why nobody was rung
 * @property {string | null} answeredBy
 * @property {string | null} openedBy
 * @property {boolean} missed
 * @property {string | null} message what the visitor left
 * @property {boolean} picture
 */

const PAUSE = 20_000; // milliseconds between two looks, while the page is seen
const SHOWN_AT_FIRST = 6;

export class Visits {
  #section = byId("visits");
  #list = byId("visit-list");
  #more = byId("more-visits");
  /** @type {Visit[]} */
  #visits = [];
  /**
   * By id; they stay while they say the same, so that what is played goes on.
   * @type {Map<string, { says: string, element: HTMLElement }>}
   */
  #entries = new Map();
  #all = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #kept;
  #mayDelete;
  #onDelete;

  /**
   * @param {boolean | undefined} kept whether whoever serves the page keeps visits
   * @param {object} messages
   * @param {() => boolean} messages.mayDelete whether this login may delete what visitors said
   * @param {(name: string) => Promise<boolean>} messages.onDelete
   */
  constructor(kept, { mayDelete, onDelete }) {
    this.#kept = kept === true;
    this.#mayDelete = mayDelete;
    this.#onDelete = onDelete;
    if (!this.#kept) return;
    this.#more.addEventListener("click", () => {
      this.#all = true;
      this.redraw();
      /** @type {HTMLElement | null} */ (this.#list.children[SHOWN_AT_FIRST])?.focus();
    });
    document.addEventListener("visibilitychange", () => void this.refresh());
    void this.refresh();
  }

  /** Looks for what is new. */
  async refresh() {
    clearTimeout(this.#timer);
    if (!this.#kept || document.hidden) return;
    try {
      const answer = await fetch("visits.json", { cache: "no-store" });
      if (answer.ok) this.#take(await answer.json());
    } catch {
      // The device is away: what was known stays.
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), PAUSE);
  }

  /** @param {Visit[]} visits */
  #take(visits) {
    if (JSON.stringify(visits) === JSON.stringify(this.#visits)) return;
    this.#visits = visits;
    this.redraw();
  }

  /** @param {string} message */
  async #delete(message) {
    if (await this.#onDelete(message)) await this.refresh();
  }

  redraw() {
    this.#section.hidden = this.#visits.length === 0;
    const shown = this.#all ? this.#visits : this.#visits.slice(0, SHOWN_AT_FIRST);
    const mayDelete = this.#mayDelete();
    const before = this.#entries;
    this.#entries = new Map(shown.map((each) => [each.id, this.#entryOf(each, before.get(each.id))]));
    arrange(this.#list, [...this.#entries.values()].map(({ element }) => element));
    for (const button of this.#list.querySelectorAll(".delete"))
      /** @type {HTMLElement} */ (button).hidden = !mayDelete;
    this.#more.hidden = shown.length === this.#visits.length;
  }

  /** @param {Visit} visit @param {{ says: string, element: HTMLElement }} [before] */
  #entryOf(visit, before) {
    const says = JSON.stringify([visit, whenText(visit.at), currentLanguage()]);
    if (before?.says === says) return before;
    const element = entryOf(visit, {
      onDelete: (message) => this.#delete(message),
      onFailure: () => this.refresh(),
    });
    return { says, element };
  }
}

/**
 * @param {Visit} visit
 * @param {object} actions
 * @param {(message: string) => void} actions.onDelete
 * @param {() => void} actions.onFailure what the visitor said cannot be played: it may be gone
 */
function entryOf(visit, { onDelete, onFailure }) {
  const entry = fromTemplate("visit-entry");
  const time = whenText(visit.at);
  const [kind, sentence] = outcomeOf(visit);
  within(entry, "strong").textContent = visit.button
    ? translate("visits.button", { name: visit.button })
    : translate("visits.visitor");
  within(entry, "time").textContent = time;
  within(entry, "time").setAttribute("datetime", new Date(visit.at * 1000).toISOString());
  const chip = within(entry, ".chip");
  chip.dataset.state = kind;
  within(chip, "span:last-child").textContent = sentence;
  const link = /** @type {HTMLAnchorElement} */ (within(entry, "a"));
  if (visit.picture) {
    link.href = `visits/${encodeURIComponent(visit.id)}.jpg`;
    link.setAttribute("aria-label", translate("visits.picture", { time }));
    /** @type {HTMLImageElement} */ (within(link, "img")).src = link.href;
  } else {
    link.replaceWith(fromTemplate("no-picture"));
  }
  const sound = /** @type {HTMLAudioElement} */ (within(entry, "audio"));
  if (visit.message) {
    sound.src = `messages/${encodeURIComponent(visit.message)}.ogg`;
    sound.setAttribute("aria-label", translate("visits.message", { time }));
    sound.addEventListener("error", onFailure);
  } else sound.remove();
  const button = within(entry, ".delete");
  const { message } = visit;
  if (message) {
    button.textContent = translate("visits.delete");
    button.setAttribute("aria-label", translate("visits.delete.label", { time }));
    button.addEventListener("click", () => onDelete(message));
  } else button.remove();
  return entry;
}

/** What became of it: the look of it, and a sentence. @param {Visit} visit */
function outcomeOf({ answeredBy, openedBy, missed, suppressed, message }) {
  if (openedBy) return ["online", translate("visits.opened", { name: openedBy })];
  if (answeredBy) return ["online", translate("visits.answered", { name: answeredBy })];
  if (message) return ["busy", translate("visits.left")];
  if (missed) return ["offline", translate("visits.missed")];
  if (suppressed) return ["offline", translate("visits.suppressed")];
  return ["busy", translate("visits.rang")];
}

/** `Today, 14:03`, or with the day. @param {number} at Unix seconds */
function whenText(at) {
  const [when, now, language] = [new Date(at * 1000), new Date(), currentLanguage()];
  const clock = when.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const days = Math.ceil((midnight - when.getTime()) / 86_400_000);
  if (days <= 1) {
    const day = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-Math.max(days, 0), "day");
    return `${day}, ${clock}`;
  }
  return `${when.toLocaleDateString(language, { weekday: "short", day: "numeric", month: "short" })}, ${clock}`;
}
