// @ts-check
/** Sentences on top of the page, each until it is dismissed or no longer true. */

import { byId, fromTemplate, setLabel, within } from "./dom.js";
import { translate } from "./i18n.js";

export class Notices {
  /** By the keys of their texts. @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /**
   * @param {string} key
   * @param {"warn" | "bad"} [kind]
   * @param {() => void} [action] of a button that `<key>.action` names
   */
  show(key, kind = "warn", action) {
    if (this.#shown.has(key)) return;
    const notice = make(key, kind);
    if (action) within(notice, "p").append(" ", makeButton(`${key}.action`, action));
    const button = within(notice, "button.round");
    button.dataset.i18nLabel = "notice.dismiss";
    setLabel(button, translate("notice.dismiss"));
    button.addEventListener("click", () => this.clear(key));
    this.#shown.set(key, notice);
    byId("notices").append(notice);
  }

  /** @param {...string} prefixes of keys */
  clear(...prefixes) {
    for (const [key, notice] of this.#shown) {
      if (!prefixes.some((prefix) => key.startsWith(prefix))) continue;
      notice.remove();
      this.#shown.delete(key);
    }
  }
}

/** A page that cannot work says why. @param {string} key */
export function giveUp(key) {
  const notice = make(key, "bad");
  within(notice, "button").remove();
  byId("notices").append(notice);
}

/** @param {string} key @param {() => void} action */
function makeButton(key, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.i18n = key;
  button.textContent = translate(key);
  button.addEventListener("click", action);
  return button;
}

/** @param {string} key @param {"warn" | "bad"} kind */
function make(key, kind) {
  const notice = fromTemplate("notice-template");
  notice.dataset.kind = kind;
  notice.dataset.testid = `notice-${key}`;
  const text = within(notice, "p");
  const words = document.createElement("span");
  words.dataset.i18n = key;
  words.textContent = translate(key);
  text.append(words);
  return notice;
}
