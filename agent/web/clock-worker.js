// @ts-check
/** A worker that only keeps time: see worker-timer.js. */

/** @type {Map<number, ReturnType<typeof setInterval>>} */
const timers = new Map();

self.addEventListener("message", ({ data: { id, every } }) => {
  clearInterval(timers.get(id));
  timers.delete(id);
  if (every !== null) timers.set(id, setInterval(() => self.postMessage(id), every));
});
