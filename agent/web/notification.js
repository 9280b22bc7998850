// @ts-check
/**
 * Tells of a ring outside of the page while it is out of sight: a notification of the browser's.
 * There is no service worker, so a page that is closed tells nothing.
 */

const TAG = "callbox-ring"; // one that is shown again takes the place of the one before
const ICON = "icon.svg";

/**
 * Whether the browser lets this page notify: "unsupported" where it cannot be asked either (no
 * https, an iPhone's page that is not installed).
 * @returns {"unsupported" | NotificationPermission}
 */
export function notificationState() {
  if (!("Notification" in globalThis) || !globalThis.isSecureContext) return "unsupported";
  return Notification.permission;
}

/** Asks the person, which browsers allow only after a gesture. Returns whether it is granted. */
export async function askToNotify() {
  const state = notificationState();
  if (state !== "default") return state === "granted";
  return (await Notification.requestPermission()) === "granted";
}

/** The notification of one ring. It is there while it rings and nobody sees the page. */
export class RingNotification {
  /** What it says. @type {{ title: string, body: string, silent: boolean } | null} */
  #words = null;
  /** @type {Notification | null} */
  #shown = null;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#update());
  }

  /** @param {{ title: string, body: string, silent: boolean }} words */
  begin(words) {
    this.#words = words;
    this.#update();
  }

  end() {
    this.#words = null;
    this.#update();
  }

  #update() {
    const isWanted = this.#words !== null && document.hidden;
    if (isWanted && !this.#shown) this.#shown = this.#show();
    if (isWanted || !this.#shown) return;
    this.#shown.close();
    this.#shown = null;
  }

  #show() {
    if (!this.#words || notificationState() !== "granted") return null;
    const { title, ...more } = this.#words;
    try {
      const notification = new Notification(title, {
        ...more,
        tag: TAG,
        icon: ICON,
        requireInteraction: true, // it is closed when the ring ends
      });
      notification.addEventListener("click", () => {
        window.focus();
        notification.close();
      });
      return notification;
    } catch (fault) {
      // Chrome on Android has the permission and takes notifications from service workers alone.
      console.info("callbox: this browser shows no notification of a page", fault);
      return null;
    }
  }
}
