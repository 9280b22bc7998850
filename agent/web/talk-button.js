// @ts-check
/** Push-to-talk: a button to hold, for a device that either hears or is heard. */

import { byId } from "./dom.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

/** Milliseconds after which a button that is still held is said again: it holds for 60 s. */
const AGAIN = 20_000;

export class TalkButton {
  #button = /** @type {HTMLButtonElement} */ (byId("talk"));
  /** @type {Conversation | null} */
  #conversation = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #repeat;

  constructor() {
    const button = this.#button;
    button.addEventListener("pointerdown", (event) => {
      // it may be let go of elsewhere
      button.setPointerCapture(event.pointerId);
      this.#hold(true);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
      button.addEventListener(end, () => this.#hold(false));
    button.addEventListener("keydown", (event) => this.#onKey(event, true));
    button.addEventListener("keyup", (event) => this.#onKey(event, false));
    // a long press on a phone is no wish for a menu
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Whether it is held. */
  get held() {
    return this.#repeat !== undefined;
  }

  /**
   * Shows it in a call with a device that wants it.
   * @param {Conversation | null} conversation
   * @param {string | undefined} mode the device's `about.audio.mode`
   */
  show(conversation, mode) {
    if (conversation !== this.#conversation) this.#hold(false);
    this.#conversation = conversation;
    this.#button.hidden = !conversation || mode !== "push_to_talk";
  }

  /** @param {KeyboardEvent} event @param {boolean} on */
  #onKey(event, on) {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) this.#hold(on);
  }

  /** @param {boolean} on */
  #hold(on) {
    if (on === this.held) return;
    const say = () => this.#conversation?.pushToTalk(on);
    clearInterval(this.#repeat);
    this.#repeat = on ? setInterval(say, AGAIN) : undefined;
    this.#button.setAttribute("aria-pressed", String(on));
    say();
  }
}
