// @ts-check
/**
 * Intervals that a browser does not slow down. In a tab that nobody has looked at for five minutes
 * its own come once a minute: MQTT's keep-alive would be late, the broker would end the connection,
 * and nothing would ring.
 */

export class WorkerTimer {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Map<number, () => void>} */
  #callbacks = new Map();
  #last = 0;

  /** As MQTT.js wants them. @param {() => void} callback @param {number} every milliseconds */
  set = (callback, every) => {
    const id = ++this.#last;
    this.#callbacks.set(id, callback);
    this.#started().postMessage({ id, every });
    return id;
  };

  /** @param {number} id */
  clear = (id) => {
    if (this.#callbacks.delete(id)) this.#worker?.postMessage({ id, every: null });
  };

  #started() {
    if (this.#worker) return this.#worker;
    this.#worker = new Worker("clock-worker.js");
    this.#worker.addEventListener("message", ({ data }) => this.#callbacks.get(data)?.());
    return this.#worker;
  }
}
