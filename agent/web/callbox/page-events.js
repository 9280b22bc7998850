// @ts-check
/** What a page tells of itself: it goes away, is looked at again, or has another network. */

/**
 * Calls back until the function that it returns is called.
 * @param {{ onLeave: () => void, onReturn: () => void, onNetworkChange: () => void }} hooks
 * @returns {() => void}
 */
export function watchPage({ onLeave, onReturn, onNetworkChange }) {
  /** @type {(() => void)[]} */
  const stops = [];
  const listen = (
    /** @type {any} */ target,
    /** @type {string} */ name,
    /** @type {() => void} */ action,
  ) => {
    target?.addEventListener?.(name, action);
    stops.push(() => target?.removeEventListener?.(name, action));
  };
  const network = /** @type {any} */ (globalThis.navigator)?.connection;
  let kind = network?.type;
  listen(globalThis, "pagehide", onLeave);
  const page = globalThis.document;
  listen(page, "visibilitychange", () => {
    if (page.visibilityState === "visible") onReturn();
  });
  listen(globalThis, "online", onNetworkChange);
  listen(network, "change", () => {
    // Else only its estimates changed.
    if (network.type !== kind) onNetworkChange();
    kind = network.type;
  });
  return () => stops.forEach((stop) => stop());
}
