// @ts-check
/**
 * What the page can have devices do beside calls: doors, quick replies, privacy, silence, and what
 * visitors left.
 */

import { DoorPanel, mayCommand } from "./door-panel.js";
import { PressButton } from "./press-button.js";
import { operationRefusal } from "./sentences.js";
import { switchesOf } from "./switches.js";
import { Visits } from "./visits.js";

/** Milliseconds after a call in which a door may be asked for (PROTOCOL 3). */
const AFTERWARDS = 30_000;
/** Ends after which it may not. */
const NO_DOOR_AFTER = Object.freeze(["privacy_mode", "replaced", "answered_elsewhere"]);

/**
 * @typedef {import("./conversation.js").CallClient} CallClient
 * @typedef {import("./conversation.js").CallRecord} CallRecord
 * @typedef {import("./conversation.js").Conversation} Conversation
 */

export class Operations {
  #client;
  #notices;
  #door;
  #doorAfter;
  #press;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #doorShuts;

  /**
   * @param {CallClient} client
   * @param {import("./settings.js").Configuration} configuration
   * @param {import("./notices.js").Notices} notices
   */
  constructor(client, { visits, device = "", press }, notices) {
    this.#client = client;
    this.#notices = notices;
    this.#door = new DoorPanel("door", client);
    this.#doorAfter = new DoorPanel("door-after", client);
    this.#press = new PressButton(press);
    this.visits = new Visits(visits, {
      mayDelete: () => mayCommand(client, device, "delete"),
      onDelete: (name) => this.command(device, "delete", { name }),
    });
    client.on("presence", ({ uid, about }) => {
      if (Array.isArray(about?.commands) && about.commands.length > 0) client.household.watch(uid);
    });
  }

  /**
   * Has a device carry out a command; says so where it has not, and resolves with whether it has.
   * @param {string} uid
   * @param {string} verb
   * @param {object} fields
   */
  async command(uid, verb, fields) {
    this.#notices.clear("operation");
    try {
      await this.#client.household.command(uid, verb, fields);
      return true;
    } catch (fault) {
      const { code = "" } = /** @type {{ code?: string }} */ (fault);
      this.#notices.show(operationRefusal(code));
      return false;
    }
  }

  /** @param {string} uid */
  switchesOf(uid) {
    const may = (/** @type {string} */ verb) => mayCommand(this.#client, uid, verb);
    return switchesOf(may, this.#client.household.of(uid)?.settings);
  }

  /**
   * A call is on the stage, or has got on: who talks may ask for the door in it.
   * @param {Conversation} conversation
   */
  follow(conversation) {
    const bySignal = conversation.purpose === "talk" && conversation.state === "connected";
    this.#door.show(conversation, { bySignal });
    this.#showAfter(null);
  }

  /** It is over. @param {Conversation} conversation @param {CallRecord} record */
  ended(conversation, { connectedAt, reason, purpose }) {
    this.#door.show(null);
    const mayAsk = connectedAt && !purpose && !NO_DOOR_AFTER.includes(reason);
    this.#showAfter(mayAsk ? conversation : null);
    void this.visits.refresh();
  }

  redraw() {
    this.#door.redraw();
    this.#doorAfter.redraw();
    this.visits.redraw();
    this.#press.redraw();
  }

  /** @param {Conversation | null} conversation */
  #showAfter(conversation) {
    clearTimeout(this.#doorShuts);
    this.#doorAfter.show(conversation, { bySignal: conversation !== null });
    if (conversation) this.#doorShuts = setTimeout(() => this.#showAfter(null), AFTERWARDS);
  }
}
