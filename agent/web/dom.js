// @ts-check
/** Reaching elements of the page by their id, and small things that several views do. */

/**
 * The element with this id; a page without it is broken, and says so.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return /** @type {T} */ (element);
}

/** A copy of the first element in a template. @param {string} id @returns {HTMLElement} */
export function fromTemplate(id) {
  const { content } = /** @type {HTMLTemplateElement} */ (byId(id));
  return /** @type {HTMLElement} */ (document.importNode(content, true).firstElementChild);
}

/** @param {ParentNode} parent @param {string} selector @returns {HTMLElement} */
export function within(parent, selector) {
  return /** @type {HTMLElement} */ (parent.querySelector(selector));
}

/**
 * Has `parent` hold just these children, in this order. Those that stay are not touched: one that
 * was taken out and put in again would have lost the focus, and would play no more.
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} children
 */
export function arrange(parent, children) {
  const kept = new Set(children);
  for (const each of [...parent.children])
    if (!kept.has(/** @type {HTMLElement} */ (each))) each.remove();
  for (const [index, each] of children.entries()) {
    const there = parent.children[index] ?? null;
    if (there !== each) parent.insertBefore(each, there);
  }
}

/** Changes the symbol that a button shows. @param {HTMLElement} button @param {string} symbol */
export function setIcon(button, symbol) {
  within(button, "use").setAttribute("href", `#i-${symbol}`);
}

/** A tooltip and an accessible name at once. @param {HTMLElement} button @param {string} label */
export function setLabel(button, label) {
  button.setAttribute("aria-label", label);
  button.title = label;
}

/**
 * Has `draw` called in the next frame, once however often it is asked for.
 * @param {() => void} draw
 * @returns {() => void}
 */
export function onceAFrame(draw) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  };
}

/** `72` seconds as `1:12`. @param {number} seconds */
export function clockText(seconds) {
  const [whole, pad] = [
    Math.floor(seconds),
    (/** @type {number} */ n) => String(n).padStart(2, "0"),
  ];
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0
    ? `${hours}:${pad(minutes)}:${pad(whole % 60)}`
    : `${minutes}:${pad(whole % 60)}`;
}
