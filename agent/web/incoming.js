// @ts-check
/** The dialog of an incoming call: who it is, what the device sees, Accept and Reject. */

import { isUid } from "./conversation.js";
import { byId } from "./dom.js";
import { DoorPanel } from "./door-panel.js";
import { translate } from "./i18n.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

const MAX_SNAPSHOT = 4 * 1024; // characters; no invitation carries more
/** Keys pressed this soon were meant for something else. */
const GUARD = 500; // milliseconds
/** Milliseconds by which a picture may be here before the invitation that it belongs to. */
const BEFORE = 2000;
/** Of those who are rung as well; more are only counted. */
const MAX_OTHERS = 6;
const JPEG = /^(?:data:image\/jpeg;base64,)?(\/9j\/[A-Za-z0-9+/]+={0,2})$/;

/**
 * The picture that an invitation carries, as a `data:` URL; null where it carries none that is a
 * JPEG.
 * @param {any} userData
 */
export function snapshotOf(userData) {
  const snapshot = typeof userData === "object" && userData !== null ? userData.snapshot : null;
  const isTyped = typeof snapshot === "object" && snapshot?.type === "image/jpeg";
  const given = isTyped ? snapshot.data : snapshot;
  if (typeof given !== "string" || given.length > MAX_SNAPSHOT) return null;
  const base64 = JPEG.exec(given)?.[1];
  return base64 ? `data:image/jpeg;base64,${base64}` : null;
}

/**
 * Who else is rung, as the inviter says.
 * @param {any} userData
 * @param {string} ownUid
 * @returns {string[]}
 */
export function othersRung(userData, ownUid) {
  const targets = typeof userData === "object" && userData !== null ? userData.targets : [];
  return (Array.isArray(targets) ? targets : []).filter((each) => isUid(each) && each !== ownUid);
}

export class IncomingDialog {
  /** @type {HTMLDialogElement} */
  #dialog = byId("incoming");
  /** @type {HTMLImageElement} */
  #image = byId("incoming-snapshot");
  /** @type {Conversation | null} */
  #conversation = null;
  #shownAt = 0;
  #client;
  #door;
  /** The address of a picture that came beside the invitation. */
  #picture = "";

  /**
   * @param {import("./conversation.js").CallClient} client
   * @param {{ onAccept: (conversation: Conversation) => void, onReject: (conversation:
   *   Conversation) => void }} choices
   */
  constructor(client, { onAccept, onReject }) {
    this.#client = client;
    this.#door = new DoorPanel("incoming-door", client);
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
    this.#door.show(conversation);
    this.#showImage(snapshotOf(conversation.userData));
    this.redraw();
    if (!this.#dialog.open) this.#dialog.showModal();
    byId("accept").focus();
  }

  close() {
    this.#conversation = null;
    URL.revokeObjectURL(this.#picture);
    this.#picture = "";
    this.#door.show(null);
    if (this.#dialog.open) this.#dialog.close();
  }

  redraw() {
    const name = this.#conversation?.remoteUid ?? "";
    byId("incoming-title").textContent = translate("incoming.title", { name });
    this.#image.alt = translate("incoming.snapshot", { name });
    this.#showVisitor();
    const others = othersRung(this.#conversation?.userData, this.#client.uid);
    const names = others.slice(0, MAX_OTHERS).join(", ");
    const more = others.length > MAX_OTHERS ? ` + ${others.length - MAX_OTHERS}` : "";
    byId("incoming-others").hidden = others.length === 0;
    byId("incoming-others").textContent = translate("incoming.others", { names: names + more });
    this.#door.redraw();
  }

  /** A camera that had to be opened has its picture after the invitation has gone. */
  #showVisitor() {
    const uid = this.#conversation?.remoteUid ?? "";
    const visitor = this.#client.household.of(uid)?.snapshot;
    const isOfRing = visitor && visitor.at > this.#shownAt - BEFORE;
    if (!isOfRing || this.#picture) return;
    const { buffer } = new Uint8Array(visitor.data);
    this.#picture = URL.createObjectURL(new Blob([buffer], { type: "image/jpeg" }));
    this.#showImage(this.#picture);
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
