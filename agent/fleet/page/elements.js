// @ts-check
/** Making and changing elements. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children; `null` is left out.
 * @param {string} name
 * @param {Record<string, string | null>} [attributes]
 * @param {(Node | string | null)[]} children
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  return /** @type {HTMLElement} */ (fill(document.createElement(name), attributes, children));
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string | null)[]} children
 * @returns {SVGElement}
 */
export function drawing(name, attributes = {}, ...children) {
  const texts = Object.fromEntries(Object.entries(attributes).map(([k, v]) => [k, String(v)]));
  return /** @type {SVGElement} */ (fill(document.createElementNS(SVG, name), texts, children));
}

/** @param {Element} made @param {Record<string, string | null>} attributes @param {any[]} children */
function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * Makes the children of `list` those of `items`, in order. One that stays keeps its element, and so
 * the focus.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} make
 */
export function arrange(list, items, keyOf, make) {
  const before = new Map([...list.children].map((each) => [each.getAttribute("data-key"), each]));
  /** @type {Element | null} */
  let next = list.firstElementChild;
  for (const item of items) {
    const made = make(item);
    const key = keyOf(item);
    made.setAttribute("data-key", key);
    const old = before.get(key);
    before.delete(key);
    if (old?.isEqualNode(made)) {
      if (old === next) next = next.nextElementSibling;
      else list.insertBefore(old, next);
      continue;
    }
    if (old) {
      const focused = old.contains(document.activeElement);
      if (old === next) next = next.nextElementSibling;
      old.remove();
      list.insertBefore(made, next);
      if (focused) /** @type {HTMLElement | null} */ (made.querySelector("a, button"))?.focus();
    } else {
      list.insertBefore(made, next);
    }
  }
  for (const old of before.values()) old.remove();
}
