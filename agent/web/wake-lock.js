// @ts-check
/** Keeps the screen on, where the browser can. */

export class WakeLock {
  /** @type {any} */
  #lock = null;

  async keep() {
    try {
      this.#lock = await /** @type {any} */ (navigator).wakeLock?.request("screen");
    } catch {
      // A screen that goes dark is no reason to disturb a call.
    }
  }

  release() {
    void this.#lock?.release();
    this.#lock = null;
  }
}
