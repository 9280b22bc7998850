// @ts-check
/**
 * A call that comes in, until it is answered or over: the dialog, the ring, the title of the tab,
 * and a notification where nobody sees the page.
 */

import { translate } from "./i18n.js";
import { IncomingDialog } from "./incoming.js";
import { askToNotify, notificationState, RingNotification } from "./notification.js";
import { Ring } from "./ring.js";
import { choices } from "./settings.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

const OFFER = "notify.offer";

export class Ringing {
  #ring = new Ring();
  #notification = new RingNotification();
  #dialog;
  #notices;
  /** The page was out of sight, and nothing could tell of the call. */
  #wasUnseen = false;

  /**
   * @param {import("./conversation.js").CallClient} client
   * @param {import("./notices.js").Notices} notices
   * @param {{ onAccept: (conversation: Conversation) => void }} actions
   */
  constructor(client, notices, { onAccept }) {
    this.#notices = notices;
    this.#dialog = new IncomingDialog(client, {
      onAccept,
      onReject: (conversation) => conversation.reject(),
    });
    for (const gesture of ["pointerdown", "keydown"])
      document.addEventListener(gesture, () => this.#ring.unlock(), { once: true });
  }

  /** Returns what is to be announced. @param {Conversation} conversation */
  begin(conversation) {
    const title = translate("incoming.title", { name: conversation.remoteUid });
    document.title = title;
    if (choices.ring) this.#ring.start();
    if (choices.notify)
      this.#notification.begin({ title, body: translate("incoming.text"), silent: !choices.ring });
    this.#wasUnseen = document.hidden;
    this.#dialog.open(conversation);
    return title;
  }

  /** It is answered, or there is nothing to answer any more. */
  quiet() {
    this.#ring.stop();
    this.#notification.end();
    document.title = "callbox";
    if (this.#wasUnseen && !choices.notify && notificationState() === "default")
      this.#notices.show(OFFER, "warn", () => void this.#agreed());
    this.#wasUnseen = false;
  }

  /** Nobody here answered. */
  close() {
    this.quiet();
    this.#dialog.close();
  }

  redraw() {
    this.#dialog.redraw();
  }

  async #agreed() {
    choices.notify = await askToNotify();
    this.#notices.clear(OFFER);
    if (!choices.notify) this.#notices.show("notify.denied");
  }
}
