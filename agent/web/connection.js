// @ts-check
/** What the page shows and does as the connection to the broker comes, goes and is refused. */

import { byId } from "./dom.js";
import { translate } from "./i18n.js";
import { connectsElsewhere } from "./login.js";
import { AccessEnded, readConfiguration } from "./settings.js";

/** A broker that is away for less is not worth a word. */
const PATIENCE = 2500; // milliseconds

export class Connection {
  #configuration;
  #notices;
  #login;
  #onChangedConfiguration;
  #state = "stopped";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  /** Whether config.json is being read. */
  #rereading = false;

  /**
   * @param {object} about
   * @param {import("./settings.js").Configuration} about.configuration
   * @param {import("./notices.js").Notices} about.notices
   * @param {import("./login.js").LoginDialog} about.login
   * @param {() => void} about.onChangedConfiguration config.json names another broker, uid or token
   */
  constructor({ configuration, notices, login, onChangedConfiguration }) {
    this.#configuration = configuration;
    this.#notices = notices;
    this.#login = login;
    this.#onChangedConfiguration = onChangedConfiguration;
  }

  /** @param {{ state: string, code?: string }} detail of the client's `connection` */
  changed({ state, code }) {
    this.#state = state;
    byId("connection").dataset.state = state;
    this.redraw();
    if (state === "connected") {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      this.#notices.clear("error.broker", "error.authorization", "error.session");
      this.#login.accepted();
    } else if (code === "not_authorized") {
      this.#notices.show("error.authorization", "bad");
      void this.#reread(() => this.#login.refused());
    } else {
      this.#patience ??= setTimeout(() => this.#notices.show("error.broker", "bad"), PATIENCE);
      if (code === "broker_unreachable") void this.#reread();
    }
  }

  redraw() {
    byId("connection-text").textContent = translate(`connection.${this.#state}`);
  }

  /**
   * Reads config.json again: that renews a session that has ended, without which the WebSocket is
   * refused, and tells of another name, token or broker.
   * @param {() => void} [unchanged] called where it says what it said before
   * @param {boolean} [ask] the browser may ask for the page's password: somebody has pressed for it
   */
  async #reread(unchanged = () => {}, ask = false) {
    if (this.#rereading) return;
    this.#rereading = true;
    try {
      const now = await readConfiguration({ ask });
      this.#notices.clear("error.session");
      if (connectsElsewhere(this.#configuration, now)) this.#onChangedConfiguration();
      else unchanged();
    } catch (fault) {
      if (!(fault instanceof AccessEnded)) unchanged();
      else this.#notices.show("error.session", "bad", () => void this.#reread(undefined, true));
    } finally {
      this.#rereading = false;
    }
  }
}
