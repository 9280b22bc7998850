// @ts-check
/** Events by name. */

/**
 * Reports a fault of a listener or of ours without disturbing whoever runs now.
 * @param {unknown} fault
 */
export function reportFault(fault) {
  if (typeof globalThis.reportError === "function") globalThis.reportError(fault);
  else console.error(fault);
}

/**
 * Calls listeners back, by the names of the events that there are.
 * @template {Record<string, any[]>} Events what a listener of each event is called with
 */
export class Emitter {
  /** @type {Map<string, Set<(...details: any[]) => void>>} */
  #listeners;

  /** @param {readonly string[]} names */
  constructor(names) {
    this.#listeners = new Map(names.map((name) => [name, new Set()]));
  }

  /**
   * Calls `listener` with each event of this name. Returns a function that ends that.
   * Throws TypeError for a name that no event has.
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {(...details: Events[Name]) => void} listener
   * @returns {() => void}
   */
  on(name, listener) {
    const listeners = this.#of(name);
    listeners.add(/** @type {any} */ (listener));
    return () => void listeners.delete(/** @type {any} */ (listener));
  }

  /**
   * Ends what `on()` began.
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {(...details: Events[Name]) => void} listener
   */
  off(name, listener) {
    this.#of(name).delete(/** @type {any} */ (listener));
  }

  /**
   * Tells the listeners of `name`; whether there were any. A listener that throws is reported and
   * disturbs no other.
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {Events[Name]} details
   * @returns {boolean}
   * @protected
   */
  emit(name, ...details) {
    const listeners = [...this.#of(name)];
    for (const listener of listeners) {
      try {
        listener(...details);
      } catch (fault) {
        reportFault(fault);
      }
    }
    return listeners.length > 0;
  }

  /** @param {string} name */
  #of(name) {
    const listeners = this.#listeners.get(name);
    if (listeners) return listeners;
    const known = [...this.#listeners.keys()].join(", ");
    throw new TypeError(`there is no event ${JSON.stringify(name)}; there are ${known}`);
  }
}
