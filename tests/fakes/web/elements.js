// @ts-nocheck
/** As much of a document as the list of devices needs. Each change of an element is counted. */

export class Writes {
  /** By element and property. @type {string[]} */
  made = [];

  get count() {
    return this.made.length;
  }

  /** How many since the last time. */
  take() {
    return this.made.splice(0).length;
  }
}

export class FakeElement {
  #writes;
  #text = "";
  #hidden = false;
  #disabled = false;
  children = [];
  parent = null;
  attributes = {};
  listeners = {};

  /** @param {Writes} writes @param {string} name as a selector has it, such as `.call` */
  constructor(writes, name, parts = []) {
    this.#writes = writes;
    this.name = name;
    for (const part of parts) this.children.push(Object.assign(part, { parent: this }));
    this.dataset = new Proxy({}, { set: (...set) => this.#wrote("dataset") && Reflect.set(...set) });
    const classes = new Set();
    this.classList = {
      add: (each) => this.#wrote("class") && classes.add(each),
      remove: (each) => this.#wrote("class") && classes.delete(each),
      toggle: (each, on) => this.#wrote("class") && (on ? classes.add(each) : classes.delete(each)),
      contains: (each) => classes.has(each),
    };
  }

  #wrote(what) {
    return this.#writes.made.push(`${this.name} ${what}`);
  }

  get textContent() {
    return this.#text;
  }

  set textContent(text) {
    this.#wrote("text");
    this.#text = text;
  }

  get hidden() {
    return this.#hidden;
  }

  set hidden(hidden) {
    this.#wrote("hidden");
    this.#hidden = hidden;
  }

  get disabled() {
    return this.#disabled;
  }

  set disabled(disabled) {
    this.#wrote("disabled");
    this.#disabled = disabled;
  }

  setAttribute(name, value) {
    this.#wrote(name);
    this.attributes[name] = value;
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  insertBefore(child, next) {
    this.#wrote("place");
    child.detach();
    child.parent = this;
    this.children.splice(next ? this.children.indexOf(next) : this.children.length, 0, child);
  }

  remove() {
    this.#wrote("removal");
    this.detach();
  }

  detach() {
    if (this.parent) this.parent.children.splice(this.parent.children.indexOf(this), 1);
    this.parent = null;
  }

  contains(other) {
    return this === other || this.children.some((child) => child.contains(other));
  }

  querySelector(selector) {
    for (const child of this.children) {
      if (child.name === selector) return child;
      const found = child.querySelector(selector);
      if (found) return found;
    }
    return null;
  }

  focus() {
    globalThis.document.activeElement = this;
  }
}

/** A card of a device as index.html has it. @param {Writes} writes */
export function makeCard(writes) {
  const element = (name, ...parts) => new FakeElement(writes, name, parts);
  const button = (name) => element(name, element("span"));
  return element(
    ".device",
    element("strong"),
    element("small"),
    element(".chip", element(".chip span:last-child")),
    button(".call"),
    button(".look"),
    Object.assign(
      element(
        ".switches",
        element(".privacy", element(".privacy input"), element(".privacy span")),
        element(".silence"),
      ),
      { hidden: true },
    ),
  );
}
