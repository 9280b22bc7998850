// @ts-check
/** What is told of a message that cannot be used. */

/** In an `error` about a message that named no conversation. */
export const NO_CONVERSATION = "00000000-0000-0000-0000-000000000000";

/** A message that cannot be used. `code` and `message` may be told to its sender. */
export class MalformedMessage extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ conversation?: string, type?: string }} [about]
   */
  constructor(code, message, { conversation = NO_CONVERSATION, type = "" } = {}) {
    super(message.length > 200 ? `${message.slice(0, 199)}…` : message);
    this.name = "MalformedMessage";
    this.code = code;
    this.conversation = conversation;
    this.type = type;
  }
}
