// @ts-check
/** The connection to the broker (MQTT 5 over a WebSocket). */

import { CallError } from "./errors.js";
import { pause } from "./timers.js";
import { textOf } from "./values.js";

/** MQTT 5, section 3.4.2.1. */
const NO_MATCHING_SUBSCRIBERS = 0x10;
const NOT_AUTHORIZED = 0x87;

/**
 * What may be on its way to us: all of it. mosquitto sends 20 at a time to whoever says nothing,
 * keeps 1,000 waiting, and lets go of the rest of what many devices have said.
 */
const RECEIVE_MAXIMUM = 0xffff;

/**
 * The WebSocket address of `broker`, which may be a path beside the page.
 * @param {string} broker
 * @returns {string}
 */
export function brokerUrl(broker) {
  const url = new URL(broker, globalThis.location?.href);
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(url.protocol))
    throw new TypeError(`broker: ${url.protocol} is not a WebSocket address`);
  return url.href;
}

/** Keeps what is not acknowledged yet. @param {any} client */
function reconnect(client) {
  const { incomingStore, outgoingStore } = client;
  client.reconnect({ incomingStore, outgoingStore });
}

/**
 * The connection to the broker: kept up with growing, jittered delays, subscribed anew on every
 * connect.
 *
 * @typedef {"stopped" | "connecting" | "connected" | "reconnecting"} ConnectionState
 * @typedef {"taken" | "unheard" | "refused" | "failed"} Delivery `unheard`: the broker took it,
 *   and knows nobody who would get it; `refused`: this side may not send it
 *
 * @typedef {object} LinkOptions
 * @property {(url: string, options: any) => any} connect
 * @property {string} url
 * @property {Record<string, any>} mqttOptions
 * @property {string[]} required topic filters without which there is no connection
 * @property {string[]} desired topic filters that a broker may refuse
 * @property {(topic: string, payload: Uint8Array, retained: boolean) => void} onMessage
 * @property {(state: ConnectionState, code?: string, message?: string) => void} onState
 * @property {() => boolean} urgent whether a conversation depends on it now
 * @property {() => string | Promise<string>} [password] asked before every attempt to connect
 */
export class Link {
  #options;
  /** @type {any} */
  #client = null;
  #attempts = 0;
  /** @type {Set<() => void>} */
  #waiting = new Set();
  /** Of those who wait for the first connection. @type {Set<(fault: CallError) => void>} */
  #wantRefusal = new Set();
  /** Counts `start` and `stop`: what an earlier one has begun is dropped. */
  #run = 0;
  /** Whether a first password is being asked for. */
  #starting = false;
  /** Ids of messages that the broker had nobody for. @type {Set<number>} */
  #unheard = new Set();
  /** Whether the broker has ever taken this connection. */
  #established = false;
  /** Whether the broker has said why it refuses this attempt to connect. */
  #refused = false;
  /** Ends the pause before the next attempt, while there is one. @type {(() => void) | null} */
  #hurry = null;
  connected = false;

  /** @param {LinkOptions} options */
  constructor(options) {
    this.#options = options;
  }

  start() {
    if (this.#client || this.#starting) return;
    const run = ++this.#run;
    this.#options.onState("connecting");
    if (!this.#options.password) return this.#connect({});
    this.#starting = true;
    void this.#password(run, (password) => {
      this.#starting = false;
      // MQTT.js would connect again by itself, with the password of before.
      this.#connect({ password, reconnectPeriod: 0 });
    });
  }

  /**
   * Asks for a password until there is one, and hands it on unless that is not wanted any more.
   * @param {number} run
   * @param {(password: string) => void} use
   */
  async #password(run, use) {
    while (run === this.#run) {
      try {
        const password = await /** @type {any} */ (this.#options.password)();
        if (run === this.#run) use(password);
        return;
      } catch (fault) {
        if (run !== this.#run) return;
        this.#options.onState(this.#connecting, "token_failed", textOf(fault));
        await this.#pause();
      }
    }
  }

  /** Connects once more, with a password that is as new as the attempt. @param {any} client */
  async #connectAgain(client) {
    if (client !== this.#client) return;
    const run = this.#run;
    await this.#pause();
    await this.#password(run, (password) => {
      client.options.password = password;
      reconnect(client);
    });
  }

  /** Until the next attempt, or until `retry`. */
  async #pause() {
    let end = () => {};
    const hurried = new Promise((resolve) => (end = () => resolve(undefined)));
    this.#hurry = end;
    await Promise.race([pause(this.#delay()), hurried]);
    if (this.#hurry === end) this.#hurry = null;
  }

  /** The same where MQTT.js waits, which does so after each `close`. @param {any} client */
  #whilePaused(client) {
    client.on("close", () => {
      if (client === this.#client) this.#hurry = () => reconnect(client);
    });
    client.on("reconnect", () => {
      this.#hurry = null;
      client.options.reconnectPeriod = this.#delay();
    });
  }

  /** @param {Record<string, any>} options of this connection alone */
  #connect(options) {
    const client = this.#options.connect(this.#options.url, {
      protocolVersion: 5,
      // With the expiry below, what arrives during a short outage is kept for us.
      clean: false,
      properties: { sessionExpiryInterval: 60, receiveMaximum: RECEIVE_MAXIMUM },
      // Done here, so that retained presence comes again.
      resubscribe: false,
      reconnectPeriod: this.#delay(),
      reconnectOnConnackError: true,
      connectTimeout: 10_000,
      // The default starts a worker from a blob, which a strict CSP forbids.
      timerVariant: "native",
      ...this.#options.mqttOptions,
      ...options,
    });
    this.#client = client;
    client.on("connect", () => this.#subscribe(client));
    if (this.#options.password) client.on("close", () => void this.#connectAgain(client));
    else this.#whilePaused(client);
    client.on("close", () => this.#lost());
    client.on("packetreceive", (/** @type {any} */ packet) => this.#noteUnheard(packet));
    client.on("error", (/** @type {any} */ fault) => this.#failed(fault));
    client.on(
      "message",
      (/** @type {string} */ topic, /** @type {Uint8Array} */ payload, /** @type {any} */ packet) =>
        this.#options.onMessage(topic, payload, Boolean(packet?.retain)),
    );
  }

  /** Resolves when what was published is on its way, at most after a second. */
  async stop() {
    const client = this.#client;
    if (!client && !this.#starting) return;
    this.#run++;
    this.#starting = false;
    this.#client = null;
    this.#hurry = null;
    this.connected = false;
    this.#options.onState("stopped");
    if (!client) return;
    const ended = new Promise((resolve) =>
      client.end(false, { properties: { sessionExpiryInterval: 0 } }, resolve),
    );
    await Promise.race([ended, pause(1000)]);
    client.stream?.destroy();
  }

  /** Resolves as soon as messages can go both ways. @returns {Promise<void>} */
  ready() {
    return this.connected
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** As `ready`, but rejects with the broker's refusal where that comes first. */
  async connection() {
    if (this.connected) return;
    await new Promise((resolve, reject) => {
      this.#waiting.add(() => resolve(undefined));
      this.#wantRefusal.add(reject);
    });
  }

  /**
   * Publishes with QoS 1. Resolves with what the broker said; while there is none it is kept for
   * the next connect.
   * @param {string} topic
   * @param {object} message
   * @param {number} [expiry] seconds
   * @param {Record<string, any>} [more] MQTT 5 properties
   * @returns {Promise<Delivery>}
   */
  publish(topic, message, expiry, more = {}) {
    const properties = expiry ? { messageExpiryInterval: Math.ceil(expiry), ...more } : undefined;
    return new Promise((resolve) => {
      if (!this.#client) return resolve("failed");
      const done = (/** @type {any} */ fault, /** @type {any} */ packet) => {
        const isUnheard = this.#unheard.delete(packet?.messageId);
        if (fault) resolve(fault.code === NOT_AUTHORIZED ? "refused" : "failed");
        else resolve(isUnheard ? "unheard" : "taken");
      };
      this.#client.publish(
        topic,
        JSON.stringify(message),
        { qos: 1, retain: false, properties },
        done,
      );
    });
  }

  /**
   * Subscribes to more, which a broker may refuse, now and at each connect.
   * @param {string[]} filters
   */
  subscribe(filters) {
    this.#options.desired.push(...filters);
    if (this.connected) this.#client.subscribe(filters, { qos: 1 }, () => {});
  }

  /** Drops a connection that only seems to be up; the next one is made at once. */
  renew() {
    if (this.#client && this.connected) this.#client.stream?.destroy();
    else this.retry();
  }

  /** Tries at once where there is no connection, and then as soon after as at first. */
  retry() {
    if (this.connected) return;
    this.#attempts = 0;
    this.#hurry?.();
  }

  #delay() {
    const ceiling = this.#options.urgent() ? 2_000 : 15_000;
    const delay = Math.min(ceiling, 500 * 2 ** Math.min(this.#attempts++, 10));
    return Math.round(delay * (0.5 + Math.random() / 2));
  }

  /** @param {any} client */
  #subscribe(client) {
    const { required, desired, onState } = this.#options;
    client.subscribe(
      required,
      { qos: 1 },
      (/** @type {unknown} */ fault, /** @type {{ qos: number }[]} */ grants) => {
        if (client !== this.#client || !client.connected) return;
        if (fault || grants?.some(({ qos }) => qos >= 128)) {
          this.#refuse("the broker refuses the subscription to our own messages");
          // It may allow it later: the next connect asks again, ever more slowly.
          if (!this.#options.password) client.options.reconnectPeriod = this.#delay();
          client.stream?.destroy();
          return;
        }
        this.#attempts = 0;
        this.#established = true;
        if (!this.#options.password) client.options.reconnectPeriod = this.#delay();
        this.connected = true;
        onState("connected");
        for (const resume of this.#waiting) resume();
        this.#waiting.clear();
        this.#wantRefusal.clear();
      },
    );
    if (desired.length > 0) client.subscribe(desired, { qos: 1 }, () => {});
  }

  /**
   * MQTT.js does not pass this acknowledgement on.
   * @param {{ cmd: string, reasonCode?: number, messageId: number }} packet
   */
  #noteUnheard({ cmd, reasonCode, messageId }) {
    if (cmd === "puback" && reasonCode === NO_MATCHING_SUBSCRIBERS) this.#unheard.add(messageId);
  }

  #lost() {
    this.#unheard.clear();
    if (!this.#client) return;
    const { onState } = this.#options;
    const refused = this.#refused;
    this.#refused = false;
    if (this.connected) {
      this.connected = false;
      onState("reconnecting");
    } else if (!refused) {
      // A browser does not tell why a WebSocket fails, and MQTT.js then raises no `error`.
      onState(this.#connecting, "broker_unreachable", "the connection to the broker cannot be opened");
    }
  }

  /** @returns {ConnectionState} while there is no connection */
  get #connecting() {
    return this.#established ? "reconnecting" : "connecting";
  }

  /** The broker does not want us. @param {string} text */
  #refuse(text) {
    this.#refused = true;
    this.#options.onState("reconnecting", "not_authorized", text);
    for (const reject of this.#wantRefusal) reject(new CallError("not_authorized", text));
    this.#wantRefusal.clear();
  }

  /** @param {any} fault */
  #failed(fault) {
    if (!this.#client) return;
    this.connected = false;
    this.#refused = true;
    if ([4, 5, 0x86, 0x87, 0x8c].includes(fault?.code)) return this.#refuse(textOf(fault));
    this.#options.onState("reconnecting", "broker_unreachable", textOf(fault));
  }
}
