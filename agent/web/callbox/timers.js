// @ts-check
/** What waits: named timers of one owner, and a pause. */

/** Named timers of one owner, all ended by `clearAll()`. */
export class Deadlines {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /** @param {string} name @param {number} milliseconds @param {() => void} action */
  set(name, milliseconds, action) {
    this.clear(name);
    const expire = () => {
      this.#timers.delete(name);
      action();
    };
    this.#timers.set(name, setTimeout(expire, milliseconds));
  }

  /** @param {string} name */
  has(name) {
    return this.#timers.has(name);
  }

  /** @param {string} name */
  clear(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  clearAll() {
    for (const name of [...this.#timers.keys()]) this.clear(name);
  }
}

/** @param {number} milliseconds */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
