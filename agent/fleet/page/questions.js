// @ts-check
/** Asks the collector, again and again while the page is seen, and hands on what has changed. */

/** @typedef {Record<string, any>} Answer */

const TIMEOUT = 15_000; // milliseconds
/** @type {Map<string, { tag: string, answer: Answer }>} */
const known = new Map();

/**
 * The answer to `api/NAME?WANTED`; null where there is none (404). The same object as before where
 * nothing has changed. Throws where the collector cannot be reached.
 * @param {string} name
 * @param {Record<string, string>} [wanted]
 * @returns {Promise<Answer | null>}
 */
export async function ask(name, wanted = {}) {
  const query = new URLSearchParams(wanted).toString();
  const url = `api/${name}${query && `?${query}`}`;
  const before = known.get(url);
  const response = await fetch(url, {
    cache: "no-store",
    headers: before ? { "If-None-Match": before.tag } : {},
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (response.status === 304 && before) return before.answer;
  if (response.status === 404) return null;
  if (!response.ok) throw new Error((await response.text()).trim() || response.statusText);
  const answer = await response.json();
  known.set(url, { tag: response.headers.get("ETag") ?? "", answer });
  if (known.size > 32) known.delete(/** @type {string} */ (known.keys().next().value));
  return answer;
}

/** Asks one question every so often. */
export class Poll {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Answer | null | undefined} */
  #last;
  #turn = 0;

  /**
   * @param {number} interval milliseconds
   * @param {() => Promise<Answer | null>} question
   * @param {(answer: Answer) => void} onChange
   * @param {(error: unknown) => void} onState called each time: null where it was answered
   */
  constructor(interval, question, onChange, onState) {
    this.interval = interval;
    this.question = question;
    this.onChange = onChange;
    this.onState = onState;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.now();
    });
  }

  /** Ask at once, and from now on. */
  async now() {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    try {
      const answer = await this.question();
      if (turn !== this.#turn) return;
      this.onState(null);
      if (answer && answer !== this.#last) this.onChange(answer);
      this.#last = answer;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.onState(error);
    }
    this.#timer = setTimeout(() => {
      if (document.visibilityState === "visible") void this.now();
    }, this.interval);
  }

  /** What was shown is written anew, as in another language. */
  again() {
    if (this.#last) this.onChange(this.#last);
  }
}
