// @ts-check
/** The dialog of an incoming call: who it is, what the device sees, Accept and Reject. */

import { byId } from "./dom.js";
import { translate } from "./i18n.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

const MAX_SNAPSHOT = 4 * 1024; // characters; no invitation carries more
/** Keys pressed this soon were meant for something else. */
const GUARD = 500; // milliseconds
const JPEG = /^(?:data:image\/jpeg;base64,)?(\/9j\/[A-Za-z0-9+/]+={0,2})$/;

/**
 * The picture that an invitation carries, as a `data:` URL; null where it carries none that is a
 * JPEG.
 * @param {any} userData
 */
export function snapshotOf(userData) {
  const given = typeof userData === "object" && userData !== null ? userData.snapshot : null;
  if (typeof given !== "string" || given.length > MAX_SNAPSHOT) return null;
  const base64 = JPEG.exec(given)?.[1];
  return base64 ? `data:image/jpeg;base64,${base64}` : null;
}

export class IncomingDialog {
  /** @type {HTMLDialogElement} */
  #dialog = byId("incoming");
  /** @type {HTMLImageElement} */
  #image = byId("incoming-snapshot");
  /** @type {Conversation | null} */
  #conversation = null;
  #shownAt = 0;

  /**
   * @param {{ onAccept: (conversation: Conversation) => void, onReject: (conversation:
   *   Conversation) => void }} choices
   */
  constructor({ onAccept, onReject }) {
    byId("accept").addEventListener("click", () => this.#choose(onAccept));
    byId("reject").addEventListener("click", () => this.#choose(onReject));
    this.#image.addEventListener("error", () => this.#showImage(null));
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault(); // Escape is Reject, and nothing closes the dialog but an answer
      this.#choose(onReject);
    });
    this.#dialog.addEventListener("close", () => {
      // A browser asks only once: Escape again, with nothing else in between, closes without a
      // `cancel`.
      if (!this.#conversation || this.#dialog.open) return;
      this.#choose(onReject);
      if (this.#conversation) this.#dialog.showModal();
    });
  }

  /** @param {Conversation} conversation */
  open(conversation) {
    this.#conversation = conversation;
    this.#shownAt = performance.now();
    this.redraw();
    this.#showImage(snapshotOf(conversation.userData));
    if (!this.#dialog.open) this.#dialog.showModal();
    byId("accept").focus();
  }

  close() {
    this.#conversation = null;
    if (this.#dialog.open) this.#dialog.close();
  }

  redraw() {
    const name = this.#conversation?.remoteUid ?? "";
    byId("incoming-title").textContent = translate("incoming.title", { name });
    this.#image.alt = translate("incoming.snapshot", { name });
  }

  /** @param {string | null} source */
  #showImage(source) {
    this.#image.hidden = !source;
    byId("incoming-pulse").hidden = Boolean(source);
    if (source) this.#image.src = source;
    else this.#image.removeAttribute("src");
  }

  /** @param {(conversation: Conversation) => void} choice */
  #choose(choice) {
    const conversation = this.#conversation;
    if (!conversation || performance.now() - this.#shownAt < GUARD) return;
    this.close();
    choice(conversation);
  }
}
