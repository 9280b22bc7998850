// @ts-check
/** The demo's button at the door: whoever serves the page presses it. */

import { byId } from "./dom.js";
import { translate } from "./i18n.js";

/** Milliseconds for whoever serves the page to answer. */
const PATIENCE = 15_000;

/** Says what came of it. @param {any} outcome @returns {string} the key of a sentence */
export function pressSentence(outcome) {
  if (outcome?.repeated) return "press.repeated";
  if (outcome?.suppressed) return "press.suppressed";
  return outcome?.ok ? "press.rang" : "press.failed";
}

export class PressButton {
  #button = /** @type {HTMLButtonElement} */ (byId("press"));
  #outcome = "";

  /** @param {string | undefined} path of the WebSocket that presses it; none: there is no button */
  constructor(path) {
    byId("press-card").hidden = !path;
    if (path) this.#button.addEventListener("click", () => void this.#press(path));
  }

  redraw() {
    byId("press-outcome").textContent = this.#outcome && translate(this.#outcome);
  }

  /** @param {string} path */
  async #press(path) {
    this.#button.disabled = true;
    this.#outcome = pressSentence(await askAt(path));
    this.#button.disabled = false;
    this.redraw();
  }
}

/** What is said at a WebSocket beside the page; null where nothing is. @param {string} path */
function askAt(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace(/^http/, "ws");
  return new Promise((resolve) => {
    const socket = new WebSocket(url, ["callbox-press"]);
    const timer = setTimeout(() => socket.close(), PATIENCE);
    socket.addEventListener("message", ({ data }) => {
      try {
        resolve(JSON.parse(data));
      } catch {
        resolve(null);
      }
      socket.close();
    });
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      resolve(null);
    });
  });
}
