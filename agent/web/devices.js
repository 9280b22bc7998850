// @ts-check
/** The list of devices: who is there, and buttons to call, or only look at, each that is online. */

import { byId, fromTemplate, within } from "./dom.js";
import { translate } from "./i18n.js";

/** @typedef {import("./conversation.js").Device} Device */

export class DeviceList {
  #list = byId("device-list");
  #empty = byId("devices-empty");
  /** @type {Map<string, HTMLElement>} cards by uid; they stay, so that the focus stays */
  #cards = new Map();
  #actions;

  /** @param {{ onCall: (uid: string) => void, onLook: (uid: string) => void }} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** @param {Device[]} devices @param {{ inCallWith: string | null, connected: boolean }} now */
  show(devices, { inCallWith, connected }) {
    const known = devices.filter(({ status }) => status).sort(byPresence);
    for (const [uid, card] of this.#cards) {
      if (known.some((device) => device.uid === uid)) continue;
      card.remove();
      this.#cards.delete(uid);
    }
    for (const device of known) {
      this.#update(this.#cardOf(device.uid), device, inCallWith, connected);
    }
    this.#order(known);
    this.#empty.textContent =
      known.length > 0 ? "" : translate(connected ? "devices.empty" : "devices.searching");
  }

  /** Gives the focus back to the button of `uid`, or to the list. @param {string} uid */
  focus(uid) {
    /** @type {HTMLButtonElement | null | undefined} */
    const button = this.#cards.get(uid)?.querySelector(".call");
    if (button && !button.disabled && !button.hidden) button.focus();
    else byId("devices").focus();
  }

  /** @param {string} uid */
  #cardOf(uid) {
    const existing = this.#cards.get(uid);
    if (existing) return existing;
    const card = fromTemplate("device-card");
    card.dataset.testid = `device-${uid}`;
    within(card, "strong").textContent = uid;
    within(card, ".call").addEventListener("click", () => this.#actions.onCall(uid));
    within(card, ".look").addEventListener("click", () => this.#actions.onLook(uid));
    this.#cards.set(uid, card);
    return card;
  }

  /**
   * @param {HTMLElement} card
   * @param {Device} device
   * @param {string | null} inCallWith
   * @param {boolean} connected
   */
  #update(card, device, inCallWith, connected) {
    const online = device.status?.state === "online";
    const yours = inCallWith === device.uid;
    const state = yours ? "yours" : !online ? "offline" : device.status?.busy ? "busy" : "online";
    card.classList.toggle("offline", !online);
    within(card, "small").textContent = describe(device);
    within(card, ".chip").dataset.state = state;
    within(card, ".chip span:last-child").textContent = translate(`devices.${state}`);
    for (const action of ["call", "look"]) {
      const button = /** @type {HTMLButtonElement} */ (within(card, `.${action}`));
      within(button, "span").textContent = translate(`devices.${action}`);
      const name = device.uid;
      button.setAttribute("aria-label", translate(`devices.${action}.label`, { name }));
      button.hidden = !online || yours;
      button.disabled = inCallWith !== null || !connected;
    }
  }

  /** @param {Device[]} devices */
  #order(devices) {
    const wanted = devices.map(({ uid }) => /** @type {HTMLElement} */ (this.#cards.get(uid)));
    if (wanted.every((card, index) => this.#list.children[index] === card)) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#list.append(...wanted);
    if (focused && this.#list.contains(focused)) focused.focus();
  }
}

/** Those that are online first, then by name. @param {Device} a @param {Device} b */
function byPresence(a, b) {
  const rank = (/** @type {Device} */ { status }) => (status?.state === "online" ? 0 : 1);
  return rank(a) - rank(b) || a.uid.localeCompare(b.uid, "en", { numeric: true });
}

/** What a device says it is. @param {Device} device */
function describe({ about }) {
  const model = about?.model ?? about?.camera;
  return typeof model === "string" ? model.slice(0, 80) : "";
}
