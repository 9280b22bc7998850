// @ts-check
/**
 * How the page is set up: `config.json` beside it, what the person chose, and the drawer to choose
 * in.
 */

import { isUid } from "./conversation.js";
import { byId } from "./dom.js";
import { translate } from "./i18n.js";
import { askToNotify, notificationState } from "./notification.js";

/**
 * @typedef {object} Configuration What whoever serves the page decides.
 * @property {string} broker WebSocket address, or a path beside the page
 * @property {string} [prefix]
 * @property {string} [uid] everyone's name on this page; without it each browser has its own
 * @property {string} [username]
 * @property {string} [token]
 * @property {RTCIceServer[]} [iceServers]
 * @property {boolean} [visits] whether it keeps visits.json
 * @property {string} [device] the uid of the device that serves the page
 * @property {string} [press] a WebSocket beside the page that presses the demo's button
 */

/** With it a 401 comes without the browser's own form, so that it can be asked again and again. */
const IN_BACKGROUND = { "Callbox-Background": "1" };

/** Whoever serves the page wants its password anew. */
export class AccessEnded extends Error {}

/**
 * Reads `config.json`, which also renews the page's session with whoever serves it. Throws where
 * there is none that can be used, AccessEnded where the browser's password is not good any more.
 * @param {{ ask?: boolean }} [options] `ask`: the browser may ask the person for the password
 * @returns {Promise<Configuration>}
 */
export async function readConfiguration({ ask = false } = {}) {
  const headers = ask ? {} : IN_BACKGROUND;
  const answer = await fetch("config.json", { cache: "no-store", headers });
  if (answer.status === 401) throw new AccessEnded("config.json: 401");
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  const value = await answer.json();
  if (typeof value?.broker !== "string") throw new Error("config.json: broker is missing");
  return value;
}

/** Milliseconds between two looks whether the page is served again. */
const AGAIN = 1000;

/** Resolves once the page can be loaded: one that is loaded while its server is away is none any more. */
export async function untilServed() {
  for (;;) {
    try {
      const answer = await fetch(location.href, { cache: "no-store", headers: IN_BACKGROUND });
      await answer.text();
      if (answer.status < 500) return;
    } catch {
      // not there yet
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

const KEYS = {
  uid: "callbox.uid",
  ring: "callbox.ring",
  notify: "callbox.notify",
  camera: "callbox.camera",
};

/** What the person chose, kept in this browser. */
export const choices = {
  /** This browser's name: chosen once at random, until the person names it. */
  get uid() {
    const stored = localStorage.getItem(KEYS.uid);
    if (isUid(stored)) return stored;
    const letters = Array.from(
      crypto.getRandomValues(new Uint8Array(6)),
      (byte) => "abcdefghjkmnpqrstuvwxyz23456789"[byte % 31],
    );
    const made = `web-${letters.join("")}`;
    localStorage.setItem(KEYS.uid, made);
    return made;
  },
  set uid(name) {
    localStorage.setItem(KEYS.uid, name);
  },
  get ring() {
    return localStorage.getItem(KEYS.ring) !== "off";
  },
  set ring(on) {
    localStorage.setItem(KEYS.ring, on ? "on" : "off");
  },
  /** Whether the browser tells of a call while the page is out of sight. */
  get notify() {
    return localStorage.getItem(KEYS.notify) === "on";
  },
  set notify(on) {
    localStorage.setItem(KEYS.notify, on ? "on" : "off");
  },
  get camera() {
    return localStorage.getItem(KEYS.camera) === "on";
  },
  set camera(on) {
    localStorage.setItem(KEYS.camera, on ? "on" : "off");
  },
};

/** The drawer. `onRename` is called when the name was changed, which needs a new connection. */
export class SettingsDrawer {
  /** @type {HTMLDialogElement} */
  #dialog = byId("settings");
  /** @type {HTMLInputElement} */
  #name = byId("name");
  /** @type {HTMLInputElement} */
  #ring = byId("ring");
  /** @type {HTMLInputElement} */
  #notify = byId("notify");
  /** @type {HTMLInputElement} */
  #camera = byId("start-camera");
  #fixed;
  #onRename;

  /**
   * `fixed`: a name that cannot be changed here, and the key of the sentence that says why.
   * @param {{ fixed?: { uid: string, help: string } | null, onRename: () => void }} options
   */
  constructor({ fixed, onRename }) {
    this.#fixed = fixed ?? null;
    this.#onRename = onRename;
    byId("open-settings").addEventListener("click", () => this.#open());
    byId("close-settings").addEventListener("click", () => this.#dialog.close());
    byId("settings-form").addEventListener("submit", (event) => this.#save(event));
    this.#name.addEventListener("input", () => this.#check());
    this.#notify.addEventListener("change", () => void this.#askToNotify());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close(); // beside the drawer
    });
  }

  #open() {
    this.#name.value = this.#fixed?.uid ?? choices.uid;
    this.#name.disabled = this.#fixed !== null;
    this.#ring.checked = choices.ring;
    this.#notify.checked = choices.notify && notificationState() === "granted";
    this.#sayNotify();
    this.#camera.checked = choices.camera;
    this.#check();
    this.#dialog.showModal();
  }

  /** Whether the name can be used; says so beside it. */
  #check() {
    const good = isUid(this.#name.value.trim());
    const help = this.#fixed
      ? this.#fixed.help
      : good
        ? "settings.name.help"
        : "settings.name.invalid";
    this.#name.setAttribute("aria-invalid", String(!good));
    byId("name-help").textContent = translate(help);
    return good;
  }

  /** The switch is the gesture that browsers want before they ask. */
  async #askToNotify() {
    if (this.#notify.checked) this.#notify.checked = await askToNotify();
    this.#sayNotify();
  }

  /** Why it cannot be switched on, if it cannot. */
  #sayNotify() {
    const state = notificationState();
    this.#notify.disabled = state === "unsupported";
    const help = byId("notify-help");
    help.hidden = state !== "unsupported" && state !== "denied";
    help.textContent = help.hidden ? "" : translate(`notify.${state}`);
  }

  /** @param {Event} event */
  #save(event) {
    event.preventDefault();
    if (!this.#check()) return this.#name.focus();
    choices.ring = this.#ring.checked;
    choices.notify = this.#notify.checked;
    choices.camera = this.#camera.checked;
    const name = this.#name.value.trim();
    const renamed = this.#fixed === null && name !== choices.uid;
    if (renamed) choices.uid = name;
    this.#dialog.close();
    if (renamed) this.#onRename();
  }
}
