// @ts-check
/**
 * What one can do at a door: buttons to hold that open it, and quick replies. Only what this login
 * may do is there, as far as the page knows; what the device refuses it says.
 */

import { byId, fromTemplate, within } from "./dom.js";
import { makeHoldButton } from "./hold-button.js";
import { translate } from "./i18n.js";
import { operationRefusal } from "./sentences.js";

/**
 * @typedef {import("./conversation.js").Conversation} Conversation
 * @typedef {import("./conversation.js").CallClient} CallClient
 * @typedef {{ name: string, code: boolean }} Door
 */

const MAX_DOORS = 4;
const MAX_REPLIES = 12;
/** What the device says by itself is no reply. */
const ITS_OWN = ["chime", "record"];
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The doors that a device says it has. @param {any} about @returns {Door[]} */
export function doorsOf(about) {
  const outputs = Array.isArray(about?.outputs) ? about.outputs : [];
  return outputs
    .filter((/** @type {any} */ each) => each?.kind === "door" && typeof each.name === "string")
    .slice(0, MAX_DOORS)
    .map((/** @type {any} */ { name, code }) => ({ name: name.slice(0, 64), code: code === true }));
}

/** What a device can say. @param {any} about @returns {string[]} */
export function repliesOf(about) {
  const messages = Array.isArray(about?.messages) ? about.messages : [];
  const isReply = (/** @type {any} */ each) =>
    typeof each === "string" && NAME.test(each) && !ITS_OWN.includes(each);
  return messages.filter(isReply).slice(0, MAX_REPLIES);
}

export class DoorPanel {
  #place;
  #panel;
  #client;
  #conversation = /** @type {Conversation | null} */ (null);
  /** Whether the conversation itself may ask for doors. */
  #bySignal = false;
  #drawn = "";
  /** The text that says what came of it. @type {() => string} */
  #outcome = () => "";

  /** @param {string} place the id of where it is shown @param {CallClient} client */
  constructor(place, client) {
    this.#place = byId(place);
    this.#client = client;
    this.#panel = fromTemplate("door-panel");
    this.#place.replaceChildren(this.#panel);
    this.redraw();
  }

  /**
   * Shows what can be done at the other end of a conversation.
   * @param {Conversation | null} conversation null: nothing
   * @param {{ bySignal?: boolean }} [how] it was accepted, and may ask for doors itself
   */
  show(conversation, { bySignal = false } = {}) {
    if (conversation !== this.#conversation) this.#outcome = () => "";
    this.#conversation = conversation;
    this.#bySignal = bySignal;
    this.redraw();
  }

  redraw() {
    const { doors, replies } = this.#offer();
    this.#place.hidden = doors.length + replies.length === 0;
    const drawn = JSON.stringify([doors, replies, translate("door.open"), this.#conversation?.id]);
    // the same buttons stay, as one of them may be held
    if (drawn !== this.#drawn) this.#draw(doors, replies);
    this.#drawn = drawn;
    within(this.#panel, ".outcome").textContent = this.#outcome();
  }

  /** @returns {{ doors: Door[], replies: string[] }} */
  #offer() {
    const uid = this.#conversation?.remoteUid ?? "";
    const about = this.#client.devices.get(uid)?.about;
    const may = (/** @type {string} */ verb) => mayCommand(this.#client, uid, verb);
    return {
      doors: this.#bySignal || may("open") ? doorsOf(about) : [],
      replies: may("say") ? repliesOf(about) : [],
    };
  }

  /** @param {Door[]} doors @param {string[]} replies */
  #draw(doors, replies) {
    const code = within(this.#panel, ".code");
    code.hidden = !doors.some((door) => door.code);
    within(code, "span").textContent = translate("door.code");
    within(this.#panel, ".doors").replaceChildren(
      ...doors.map(({ name }) => {
        const button = /** @type {HTMLButtonElement} */ (fromTemplate("door-button"));
        within(button, "span").textContent = translate("door.open", { name });
        makeHoldButton(button, () => void this.#open(name));
        return button;
      }),
    );
    within(this.#panel, ".replies").replaceChildren(
      ...replies.map((name) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name.replaceAll("_", " ");
        button.setAttribute("aria-label", translate("door.say", { name: button.textContent }));
        button.addEventListener("click", () => void this.#say(name));
        return button;
      }),
    );
  }

  /** @param {string} name */
  #open(name) {
    const conversation = /** @type {Conversation} */ (this.#conversation);
    const field = /** @type {HTMLInputElement} */ (within(this.#panel, ".code input"));
    const code = field.value || undefined;
    field.value = "";
    return this.#carryOut("door.opened", { name }, () =>
      this.#bySignal
        ? conversation.open(name, code)
        : this.#client.household.command(conversation.remoteUid, "open", {
            output: name,
            ...(code && { code }),
          }),
    );
  }

  /** @param {string} message */
  #say(message) {
    const uid = /** @type {Conversation} */ (this.#conversation).remoteUid;
    return this.#carryOut("door.said", { name: message.replaceAll("_", " ") }, () =>
      this.#client.household.command(uid, "say", { message }),
    );
  }

  /**
   * @param {string} done the key of what is said once it is
   * @param {{ name: string }} about
   * @param {() => Promise<unknown>} work
   */
  async #carryOut(done, about, work) {
    const conversation = this.#conversation;
    this.#tell(() => translate("door.asking"));
    try {
      await work();
      if (conversation === this.#conversation) this.#tell(() => translate(done, about));
    } catch (fault) {
      const { code = "" } = /** @type {{ code?: string }} */ (fault);
      if (conversation === this.#conversation) this.#tell(() => translate(operationRefusal(code)));
    }
  }

  /** @param {() => string} outcome */
  #tell(outcome) {
    this.#outcome = outcome;
    this.redraw();
  }
}

/**
 * Whether this login may have a device carry out a command, as far as is known: the broker lets it
 * read what only the household reads, and the device takes the verb.
 * @param {CallClient} client
 * @param {string} uid
 * @param {string} verb
 */
export function mayCommand(client, uid, verb) {
  const device = client.devices.get(uid);
  const verbs = Array.isArray(device?.about?.commands) ? device.about.commands : [];
  const isThere = device?.status?.state === "online";
  return isThere && verbs.includes(verb) && client.household.of(uid) !== undefined;
}
