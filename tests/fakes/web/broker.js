// @ts-check
/** An MQTT broker, small enough to read, for tests of the page's modules in Node. */

/** @param {string} filter @param {string} topic */
function matches(filter, topic) {
  const [wanted, levels] = [filter.split("/"), topic.split("/")];
  return (
    wanted.length === levels.length &&
    wanted.every((level, i) => level === "+" || level === levels[i])
  );
}

/**
 * An MQTT broker in memory. `connect` has the shape of MQTT.js's. Delivery is asynchronous and in
 * order.
 */
export class FakeBroker {
  clients = new Set();
  /** @type {Map<string, string>} */
  retained = new Map();
  /** Everything that was published: `{ topic, message, options }`. @type {any[]} */
  log = [];
  /** @type {any[]} */
  connections = [];
  reachable = true;
  /** Whether messages are acknowledged with "no matching subscribers". */
  nobodyListens = false;
  /** What topics contain that nobody may publish on. @type {string | null} */
  refuses = null;

  connect = (/** @type {string} */ url, /** @type {any} */ options) =>
    new FakeMqttClient(this, url, options);

  /**
   * @param {string} topic
   * @param {object | string | Uint8Array} message
   * @param {{ retain?: boolean }} [options]
   */
  deliver(topic, message, { retain = false } = {}) {
    const payload =
      message instanceof Uint8Array
        ? message
        : new TextEncoder().encode(typeof message === "string" ? message : JSON.stringify(message));
    for (const client of this.clients) client.receive(topic, payload, { retain });
  }

  /** Messages of one type that went to `uid`. @param {string} uid @param {string} [type] */
  sentTo(uid, type) {
    const mine = this.log
      .filter(({ topic }) => topic.includes(`/${uid}/signal/`))
      .map(({ message }) => message);
    return type ? mine.filter((message) => message.type === type) : mine;
  }

  stop() {
    this.reachable = false;
    for (const client of [...this.clients]) client.drop();
  }

  start() {
    this.reachable = true;
    for (const client of this.connections) if (client.options.reconnectPeriod !== 0) client.revive();
  }
}

class FakeMqttClient {
  /** @type {Map<string, ((...args: any[]) => void)[]>} */
  #listeners = new Map();
  #filters = new Set();
  /** @type {any[]} */
  #queue = [];
  #ended = false;
  connected = false;
  stream = { destroy: () => this.drop() };

  /** @param {FakeBroker} broker @param {string} url @param {any} options */
  constructor(broker, url, options) {
    this.broker = broker;
    this.url = url;
    this.options = options;
    broker.connections.push(this);
    queueMicrotask(() => this.revive());
  }

  /** @param {string} name @param {(...args: any[]) => void} listener */
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  /** @param {string} name @param {...any} args */
  emit(name, ...args) {
    for (const listener of this.#listeners.get(name) ?? []) listener(...args);
  }

  revive() {
    if (this.#ended || this.connected || !this.broker.reachable) return;
    this.connected = true;
    this.broker.clients.add(this);
    this.emit("connect", {});
    for (const args of this.#queue.splice(0)) this.#publish(...args);
  }

  /** As MQTT.js does where it is told to. */
  reconnect() {
    this.emit("reconnect");
    this.revive();
    if (!this.connected) queueMicrotask(() => this.emit("close"));
  }

  drop() {
    if (!this.connected) return;
    this.connected = false;
    this.broker.clients.delete(this);
    this.emit("close");
  }

  /**
   * @param {string[]} filters
   * @param {any} _options
   * @param {(fault: unknown, grants: { qos: number }[]) => void} done
   */
  subscribe(filters, _options, done) {
    for (const filter of filters) this.#filters.add(filter);
    queueMicrotask(() => {
      done(
        null,
        filters.map(() => ({ qos: 1 })),
      );
      for (const [topic, text] of this.broker.retained)
        this.receive(topic, new TextEncoder().encode(text), { retain: true });
    });
  }

  /**
   * @param {string} topic
   * @param {string} text
   * @param {any} options
   * @param {(fault?: unknown) => void} done
   */
  publish(topic, text, options, done) {
    if (this.connected) this.#publish(topic, text, options, done);
    else this.#queue.push([topic, text, options, done]);
  }

  /** @param {any[]} args */
  #publish(...args) {
    const [topic, text, options, done] = args;
    if (this.broker.refuses && topic.includes(this.broker.refuses)) {
      const fault = Object.assign(new Error("Publish error: Not authorized"), { code: 0x87 });
      return queueMicrotask(() => done(fault, { cmd: "publish" }));
    }
    const messageId = this.broker.log.push({ topic, message: JSON.parse(text), options });
    this.broker.deliver(topic, text);
    const reasonCode = this.broker.nobodyListens ? 0x10 : 0;
    queueMicrotask(() => {
      this.emit("packetreceive", { cmd: "puback", reasonCode, messageId });
      done(null, { cmd: "publish", messageId });
    });
  }

  /** @param {string} topic @param {Uint8Array} payload @param {any} packet */
  receive(topic, payload, packet) {
    if (![...this.#filters].some((filter) => matches(filter, topic))) return;
    queueMicrotask(() => this.connected && this.emit("message", topic, payload, packet));
  }

  /** @param {boolean} _force @param {any} [_options] @param {() => void} [done] */
  end(_force, _options, done) {
    this.#ended = true;
    this.drop();
    queueMicrotask(() => done?.());
  }
}
