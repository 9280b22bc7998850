// @ts-check
/**
 * As whom the page is at the broker: what the person typed in this tab, else what config.json says,
 * else this browser's own name without a password.
 */

import { isUid } from "./conversation.js";
import { byId } from "./dom.js";
import { translate } from "./i18n.js";

/**
 * @typedef {import("./settings.js").Configuration} Configuration
 *
 * @typedef {object} Login
 * @property {string} username
 * @property {string} password
 *
 * @typedef {object} Identity What the client is made with.
 * @property {string} uid
 * @property {string} [username]
 * @property {string} [token]
 */

const KEY = "callbox.login";
/** What config.json says of the connection; its ICE servers may differ each time. */
const OF_CONNECTION = /** @type {const} */ (["broker", "prefix", "uid", "username", "token"]);

/**
 * Kept for the tab's session only: no other tab reads it, and it goes when the tab is closed.
 * @returns {Login | null}
 */
export function storedLogin() {
  try {
    const { username, password } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    const good = typeof username === "string" && username && typeof password === "string";
    return good ? { username, password } : null;
  } catch {
    return null;
  }
}

/** @param {Login | null} login null forgets it */
export function storeLogin(login) {
  if (login) sessionStorage.setItem(KEY, JSON.stringify(login));
  else sessionStorage.removeItem(KEY);
}

/**
 * A broker that proves who sends wants the user name in the topic; a user name that can be no uid
 * leaves the uid as it is.
 * @param {Configuration} configuration
 * @param {Login | null} login
 * @param {string} ownUid this browser's
 * @returns {Identity}
 */
export function identityOf({ uid, username, token }, login, ownUid) {
  if (!login) {
    return {
      uid: uid ?? ownUid,
      ...(username === undefined ? {} : { username }),
      ...(token === undefined ? {} : { token }),
    };
  }
  const name = isUid(login.username) ? login.username : (uid ?? ownUid);
  return { uid: name, username: login.username, token: login.password };
}

/**
 * Whether the second leads to another connection than the first.
 * @param {Configuration} before
 * @param {Configuration} now
 */
export const connectsElsewhere = (before, now) =>
  OF_CONNECTION.some((name) => before[name] !== now[name]);

/** The form, and the button in the bar that opens it or logs out. */
export class LoginDialog {
  /** @type {HTMLDialogElement} */
  #dialog = byId("login");
  /** @type {HTMLInputElement} */
  #username = byId("login-username");
  /** @type {HTMLInputElement} */
  #password = byId("login-password");
  #fault = byId("login-fault");
  #button = byId("log-in-out");
  /** The key of what is wrong. @type {string | null} */
  #wrong = null;
  #refused = false;
  #dismissed = false;
  #inCall = false;
  #onChange;

  /** @param {{ onChange: () => void }} options called when the login was stored or forgotten */
  constructor({ onChange }) {
    this.#onChange = onChange;
    byId("login-form").addEventListener("submit", (event) => this.#submit(event));
    byId("close-login").addEventListener("click", () => {
      this.#dismissed = true;
      this.#dialog.close();
    });
    this.#dialog.addEventListener("cancel", () => (this.#dismissed = true));
    this.#dialog.addEventListener("close", () => (this.#password.value = ""));
    this.#button.addEventListener("click", () => this.#pressed());
    this.redraw();
  }

  /** The broker refuses the page. The form opens by itself once, and not over a call. */
  refused() {
    this.#refused = true;
    this.redraw();
    if (!this.#inCall && !this.#dismissed) this.#open();
  }

  /** The broker takes the page. */
  accepted() {
    this.#refused = false;
    if (this.#dialog.open) this.#dialog.close();
    this.#dismissed = false;
    this.redraw();
  }

  /** Another login would end the call, so it waits. @param {boolean} inCall */
  setInCall(inCall) {
    this.#inCall = inCall;
    if (this.#refused) this.refused();
    else this.redraw();
  }

  redraw() {
    const loggedIn = storedLogin() !== null && !this.#refused;
    this.#button.hidden = this.#inCall || (!this.#refused && !loggedIn);
    this.#button.textContent = translate(loggedIn ? "login.out" : "login.submit");
    this.#fault.hidden = this.#wrong === null;
    this.#fault.textContent = this.#wrong === null ? "" : translate(this.#wrong);
    this.#username.setAttribute("aria-invalid", String(this.#wrong !== null));
  }

  #open() {
    if (this.#dialog.open) return;
    const login = storedLogin();
    this.#wrong = login ? "login.refused" : null;
    this.#username.value = login?.username ?? "";
    this.redraw();
    this.#dialog.showModal();
    (login ? this.#password : this.#username).focus();
  }

  #pressed() {
    if (this.#refused) return this.#open();
    storeLogin(null);
    this.#onChange();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const username = this.#username.value.trim();
    if (!username) {
      this.#wrong = "login.username.missing";
      this.redraw();
      return this.#username.focus();
    }
    storeLogin({ username, password: this.#password.value });
    this.#dialog.close();
    this.#onChange();
  }
}
