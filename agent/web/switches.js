// @ts-check
/** Privacy and silence of a device, in its card: for those who may operate it. */

import { within } from "./dom.js";
import { currentLanguage, translate } from "./i18n.js";

/** @typedef {{ command: (verb: string, fields: object) => Promise<boolean> }} Operator */

/** Seconds for which the button keeps chimes still. */
const SILENCE = 3600;

/** What is shown of a device: what it has not got, or this login may not switch, is undefined.
 * @typedef {{ privacy?: boolean, silencedUntil?: string | null }} Switches
 */

export class DeviceSwitches {
  #root;
  #box;
  #silence;
  #silenced = false;
  /** Of what is shown. */
  #key = "";
  /** A switch was moved, and the device has not said anything yet. */
  #waiting = false;
  /** @type {Switches} */
  #shown = {};

  /** @param {HTMLElement} root @param {Operator} operator */
  constructor(root, operator) {
    this.#root = root;
    this.#box = /** @type {HTMLInputElement} */ (within(root, ".privacy input"));
    this.#silence = /** @type {HTMLButtonElement} */ (within(root, ".silence"));
    this.#box.addEventListener("change", () =>
      this.#wait(operator.command("privacy", { on: this.#box.checked })),
    );
    this.#silence.addEventListener("click", () =>
      this.#wait(operator.command("silence", { seconds: this.#silenced ? 0 : SILENCE })),
    );
  }

  /** @param {Switches} switches @param {string} name of the device */
  show(switches, name) {
    const { privacy, silencedUntil } = switches;
    const until = silencedUntil ? new Date(silencedUntil) : null;
    const silenced = until !== null && until.getTime() > Date.now();
    const key = [privacy, silencedUntil, silenced, currentLanguage()].join();
    // where nothing may be switched the card is as it was made
    const isBare = privacy === undefined && silencedUntil === undefined && this.#root.hidden;
    if (isBare || key === this.#key) return;
    this.#key = key;
    this.#shown = switches;
    this.#silenced = silenced;
    this.#root.hidden = privacy === undefined && silencedUntil === undefined;
    within(this.#root, ".privacy").hidden = privacy === undefined;
    within(this.#root, ".privacy span").textContent = translate("devices.privacy");
    this.#box.setAttribute("aria-label", translate("devices.privacy.label", { name }));
    this.#silence.hidden = silencedUntil === undefined;
    const time = until?.toLocaleTimeString(currentLanguage(), {
      hour: "2-digit",
      minute: "2-digit",
    });
    this.#silence.textContent = this.#silenced
      ? translate("devices.silenced", { time: time ?? "" })
      : translate("devices.silence");
    this.#silence.setAttribute("aria-pressed", String(this.#silenced));
    this.#draw();
  }

  /** @param {Promise<boolean>} done */
  async #wait(done) {
    this.#waiting = true;
    this.#draw();
    await done;
    this.#waiting = false;
    this.#draw();
  }

  #draw() {
    this.#box.disabled = this.#waiting;
    this.#silence.disabled = this.#waiting;
    if (!this.#waiting) this.#box.checked = this.#shown.privacy === true;
  }
}

/**
 * What of a device this login may switch.
 * @param {(verb: string) => boolean} may
 * @param {Record<string, any> | undefined} settings as the device says them
 * @returns {Switches}
 */
export function switchesOf(may, settings) {
  const { privacy, silencedUntil } = settings ?? {};
  return {
    privacy: may("privacy") && typeof privacy === "boolean" ? privacy : undefined,
    silencedUntil: may("silence") ? (silencedUntil ?? null) : undefined,
  };
}
