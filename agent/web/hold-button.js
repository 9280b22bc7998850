// @ts-check
/** A button that does something only after it was held for a while: a door opens by no slip. */

/** Milliseconds. */
export const HOLD = 800;

/**
 * @param {HTMLButtonElement} button
 * @param {() => void} onHeld called once for each time that it was held long enough
 */
export function makeHoldButton(button, onHeld) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const end = () => {
    clearTimeout(timer);
    timer = undefined;
    delete button.dataset.held;
  };
  const begin = () => {
    if (button.disabled || timer !== undefined) return;
    button.dataset.held = "";
    timer = setTimeout(() => {
      end();
      onHeld();
    }, HOLD);
  };
  button.addEventListener("pointerdown", (event) => {
    // it may be let go of elsewhere
    button.setPointerCapture(event.pointerId);
    begin();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur", "keyup"])
    button.addEventListener(name, end);
  button.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) begin();
  });
  // a long press on a phone is no wish for a menu
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}
