// @ts-check
/**
 * The list of devices: who is there, and buttons to call, or only look at, each that is online.
 *
 * A broker that comes back tells of every device at once. Each is drawn at most once a frame, so many
 * cards a frame, and of a card what has changed: a page with a thousand devices stays at ease.
 */

import { byId, fromTemplate, onceAFrame, within } from "./dom.js";
import { currentLanguage, translate } from "./i18n.js";
import { DeviceSwitches } from "./switches.js";

/** Some ten milliseconds on a slow machine. */
const CARDS_A_FRAME = 25;
/** Devices from which on those out of sight are not laid out. */
const LONG_LIST = 50;
const ACTIONS = /** @type {const} */ (["call", "look"]);
const BY_NAME = new Intl.Collator("en", { numeric: true });

/**
 * @typedef {import("./conversation.js").Device} Device
 *
 * @typedef {object} Card
 * @property {string} uid
 * @property {HTMLElement} element
 * @property {number} rank 0 for those that are online, which come first
 * @property {DeviceSwitches} switches
 * @property {Record<string, string | boolean>} shown what stands in it
 *
 * @typedef {object} Situation
 * @property {string | null} inCallWith
 * @property {boolean} connected
 */

export class DeviceList {
  #list = byId("device-list");
  #empty = byId("devices-empty");
  /** @type {Map<string, Device>} those with a status */
  #devices = new Map();
  /** @type {Map<string, Card>} they stay, so that the focus stays */
  #cards = new Map();
  /** @type {Card[]} as they stand in the list */
  #order = [];
  /** What is to be drawn. @type {Set<string>} */
  #changed = new Set();
  /** More have changed than one frame draws: they just stand there, and do not arrive. */
  #isCrowd = false;
  #drawSoon = onceAFrame(() => this.#drawFrame());
  /** @type {Situation} */
  #now = { inCallWith: null, connected: false };
  #actions;

  /**
   * @param {{ onCall: (uid: string) => void, onLook: (uid: string) => void,
   *   onCommand: (uid: string, verb: string, fields: object) => Promise<boolean>,
   *   switchesOf: (uid: string) => import("./switches.js").Switches }} actions
   */
  constructor(actions) {
    this.#actions = actions;
  }

  /**
   * @param {import("./conversation.js").CallClient} client
   * @param {() => void} onChange called whenever a device says something
   */
  follow(client, onChange) {
    client.on("presence", (device) => this.take(device));
    client.on("household", (uid) => this.change(uid));
    for (const name of /** @type {const} */ (["presence", "household"])) client.on(name, onChange);
  }

  /** A device has said something, or is gone. @param {Device} device */
  take(device) {
    if (device.status) this.#devices.set(device.uid, device);
    else this.#devices.delete(device.uid);
    this.change(device.uid);
  }

  /** What is known of a device is different. @param {string} uid */
  change(uid) {
    this.#changed.add(uid);
    this.#drawSoon();
  }

  /** @param {Situation} now */
  show(now) {
    const { inCallWith, connected } = this.#now;
    this.#now = now;
    if (inCallWith !== now.inCallWith || connected !== now.connected) {
      for (const uid of [inCallWith, now.inCallWith]) if (uid !== null) this.#draw(uid);
      for (const { uid } of this.#order) this.change(uid);
    }
    this.#sayEmpty();
  }

  /** Of nobody it is not known. @param {string | null} uid */
  isOffline(uid) {
    return this.#devices.get(uid ?? "")?.status?.state === "offline";
  }

  /** In another language. */
  redraw() {
    for (const { uid } of this.#order) this.change(uid);
    this.#sayEmpty();
  }

  /** Gives the focus back to the button of `uid`, or to the list. @param {string} uid */
  focus(uid) {
    /** @type {HTMLButtonElement | null | undefined} */
    const button = this.#cards.get(uid)?.element.querySelector(".call");
    if (button && !button.disabled && !button.hidden) button.focus();
    else byId("devices").focus();
  }

  #drawFrame() {
    this.#isCrowd ||= this.#changed.size > CARDS_A_FRAME;
    const due = [];
    for (const uid of this.#changed) {
      if (due.length === CARDS_A_FRAME) break;
      due.push(uid);
    }
    for (const uid of due) this.#draw(uid);
    const isLong = this.#order.length > LONG_LIST;
    if (this.#list.classList.contains("crowd") !== isLong)
      this.#list.classList.toggle("crowd", isLong);
    this.#sayEmpty();
    if (this.#changed.size > 0) this.#drawSoon();
    else this.#isCrowd = false;
  }

  #sayEmpty() {
    const key = this.#now.connected ? "devices.empty" : "devices.searching";
    const text = this.#devices.size > 0 ? "" : translate(key);
    if (this.#empty.textContent !== text) this.#empty.textContent = text;
  }

  /** @param {string} uid */
  #draw(uid) {
    this.#changed.delete(uid);
    const device = this.#devices.get(uid);
    const card = this.#cards.get(uid);
    if (!device) {
      if (card) this.#remove(card);
      return;
    }
    const rank = device.status?.state === "online" ? 0 : 1;
    if (!card) {
      const made = this.#makeCard(uid, rank);
      this.#fill(made, device);
      this.#place(made);
    } else {
      this.#fill(card, device);
      if (card.rank !== rank) this.#move(card, rank);
    }
  }

  /** @param {string} uid @param {number} rank @returns {Card} */
  #makeCard(uid, rank) {
    const element = fromTemplate("device-card");
    element.dataset.testid = `device-${uid}`;
    if (!this.#isCrowd) element.classList.add("new");
    within(element, "strong").textContent = uid;
    within(element, ".call").addEventListener("click", () => this.#actions.onCall(uid));
    within(element, ".look").addEventListener("click", () => this.#actions.onLook(uid));
    const command = (/** @type {string} */ verb, /** @type {object} */ fields) =>
      this.#actions.onCommand(uid, verb, fields);
    const switches = new DeviceSwitches(within(element, ".switches"), { command });
    const card = { uid, element, rank, switches, shown: {} };
    this.#cards.set(uid, card);
    return card;
  }

  /** @param {Card} card @param {Device} device */
  #fill({ element, shown, switches, uid }, device) {
    const { inCallWith, connected } = this.#now;
    const online = device.status?.state === "online";
    const yours = inCallWith === uid;
    const { busy, privacy } = device.status ?? {};
    const there = privacy ? "private" : busy ? "busy" : "online";
    // what a device said last, without a broker to say that it is still so
    const known = !connected ? "unknown" : online ? there : "offline";
    const state = yours ? "yours" : known;
    const language = currentLanguage();
    const hidden = !online || yours;
    const wanted = {
      language,
      online,
      state,
      hidden,
      description: describe(device),
      // of a button that is hidden it does not matter
      disabled: hidden ? (shown.disabled ?? false) : inCallWith !== null || !connected,
    };
    const differs = (/** @type {keyof typeof wanted} */ name) => shown[name] !== wanted[name];
    if (differs("online")) element.classList.toggle("offline", !online);
    if (differs("description")) within(element, "small").textContent = wanted.description;
    if (differs("state")) within(element, ".chip").dataset.state = state;
    if (differs("state") || differs("language"))
      within(element, ".chip span:last-child").textContent = translate(`devices.${state}`);
    for (const action of ACTIONS) {
      const button = /** @type {HTMLButtonElement} */ (within(element, `.${action}`));
      if (differs("hidden")) button.hidden = hidden;
      if (differs("disabled")) button.disabled = wanted.disabled;
      if (!differs("language")) continue;
      within(button, "span").textContent = translate(`devices.${action}`);
      button.setAttribute("aria-label", translate(`devices.${action}.label`, { name: uid }));
    }
    Object.assign(shown, wanted);
    switches.show(this.#actions.switchesOf(uid), uid);
  }

  /** Puts a card where it belongs. @param {Card} card */
  #place(card) {
    const index = this.#indexOf(card);
    this.#list.insertBefore(card.element, this.#order[index]?.element ?? null);
    this.#order.splice(index, 0, card);
  }

  /** @param {Card} card @param {number} rank */
  #move(card, rank) {
    const before = this.#indexOf(card);
    this.#order.splice(before, 1);
    card.rank = rank;
    const index = this.#indexOf(card);
    if (index === before) this.#order.splice(index, 0, card);
    else {
      const focused = /** @type {HTMLElement | null} */ (document.activeElement);
      // it would arrive anew
      if (card.element.classList.contains("new")) card.element.classList.remove("new");
      this.#place(card);
      if (focused && card.element.contains(focused)) focused.focus();
    }
  }

  /** @param {Card} card */
  #remove(card) {
    this.#order.splice(this.#indexOf(card), 1);
    this.#cards.delete(card.uid);
    card.element.remove();
  }

  /** Where a card stands, or would: those that are online first, then by name. @param {Card} card */
  #indexOf(card) {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(/** @type {Card} */ (this.#order[middle]), card) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** No two are equal. @param {Card} a @param {Card} b */
function compare(a, b) {
  const order = a.rank - b.rank || BY_NAME.compare(a.uid, b.uid);
  return order || (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
}

/** What a device says it is. @param {Device} device */
function describe({ about }) {
  const model = about?.model ?? about?.camera;
  return typeof model === "string" ? model.slice(0, 80) : "";
}
