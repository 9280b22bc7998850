// @ts-check
/** What the event `error` brings. */

/** Something failed. `code` is for programs; as a string it is a sentence. */
export class CallError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(sentence(message || code.replaceAll("_", " ")));
    this.name = "CallError";
    this.code = code;
  }

  /** @override */
  toString() {
    return this.message;
  }
}

/** `text` with a capital and a full stop. @param {string} text */
function sentence(text) {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
