// @ts-check
/** The stage: the picture of the remote peer, what is going on, and the buttons of a call. */

import { byId, clockText, setIcon, setLabel } from "./dom.js";
import { translate } from "./i18n.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

export class Stage {
  #stage = byId("stage");
  /** @type {HTMLVideoElement} */
  #remote = byId("remote");
  /** @type {HTMLVideoElement} */
  #self = byId("self");
  /** @type {Conversation | null} */
  #conversation = null;
  /** Those whose events are heard. @type {WeakSet<Conversation>} */
  #followed = new WeakSet();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;
  #connectedAt = 0;
  /** @type {{ wanted: boolean, available: boolean, muted: boolean }} */
  #microphone = { wanted: true, available: false, muted: false };
  /** A view is about to become a talk. */
  #asking = false;
  /** Whoever is at the other side has left the broker, as its status says. */
  #offline = false;
  /** @type {{ local?: string, remote?: string, relayed?: boolean } | null} */
  #path = null;

  /**
   * @param {{ onHangUp: () => void, onTalk: () => void, onMute: () => void, onCamera: () => void,
   *   onNotice: (key: string) => void }} actions
   */
  constructor({ onHangUp, onTalk, onMute, onCamera, onNotice }) {
    byId("hangup").addEventListener("click", onHangUp);
    byId("join").addEventListener("click", onTalk);
    byId("mute").addEventListener("click", onMute);
    byId("camera").addEventListener("click", onCamera);
    byId("fullscreen").addEventListener("click", () => this.#toggleFullScreen(onNotice));
    byId("play").addEventListener("click", () => this.#playAloud());
    document.addEventListener("fullscreenchange", () => this.redraw());
    this.#remote.addEventListener("playing", () => performance.mark("callbox:playing"));
    this.redraw();
  }

  /** Takes a conversation on. @param {Conversation} conversation */
  begin(conversation) {
    this.#conversation = conversation;
    this.#path = null;
    this.#asking = false;
    if (this.#followed.has(conversation)) return this.#shown();
    this.#followed.add(conversation);
    conversation.on("talk", () => this.redraw());
    conversation.on("state", () => this.#changed(conversation));
    conversation.on("degraded", () => this.redraw());
    conversation.on("restored", () => this.redraw());
    conversation.on("renewed", () => this.#attach(conversation));
    conversation.on("stream_received", () => this.#attach(conversation));
    this.#shown();
  }

  #shown() {
    this.redraw();
    byId("hangup").focus({ preventScroll: true });
    byId("stage").scrollIntoView({ block: "start" });
  }

  /** Back to the empty stage. */
  end() {
    this.#conversation = null;
    clearInterval(this.#clock);
    this.#remote.srcObject = null;
    this.#remote.hidden = true;
    this.showSelf(null);
    if (document.fullscreenElement) void document.exitFullscreen();
    this.redraw();
  }

  /** @param {{ available: boolean, muted: boolean }} microphone */
  showMicrophone({ available, muted }) {
    this.#microphone = { wanted: true, available, muted };
    this.redraw();
  }

  /** @param {boolean} asking */
  showAsking(asking) {
    this.#asking = asking;
    this.redraw();
  }

  /**
   * @param {boolean} offline whether the status of whoever is at the other side says that
   * @returns {boolean} whether the words for the call are others now
   */
  showOffline(offline) {
    if (offline === this.#offline) return false;
    this.#offline = offline;
    this.redraw();
    return this.#conversation?.degraded ?? false;
  }

  /** The key of the words for a call that is connected. */
  get liveWords() {
    if (!this.#conversation?.degraded)
      return this.#conversation?.purpose === "view" ? "stage.looking" : "stage.connected";
    return this.#offline ? "stage.offline" : "stage.degraded";
  }

  /** @param {MediaStreamTrack | null} track */
  showSelf(track) {
    this.#self.srcObject = track ? new MediaStream([track]) : null;
    this.#self.hidden = !track;
    this.redraw();
  }

  /** @param {Record<string, any> | undefined} transport of a report */
  showPath(transport) {
    const { localCandidateType: local, remoteCandidateType: remote, relayed } = transport ?? {};
    if (relayed === undefined) return;
    this.#path = { local, remote, relayed };
    this.#drawPath();
  }

  /** Writes everything anew, as the state and the language are now. */
  redraw() {
    const conversation = this.#conversation;
    const phase = phaseOf(conversation);
    this.#stage.dataset.state = phase;
    this.#stage.toggleAttribute("data-degraded", conversation?.degraded ?? false);
    byId("idle").hidden = phase !== "idle";
    byId("waiting").hidden = phase !== "waiting";
    byId("caption").hidden = phase !== "live";
    byId("controls").hidden = phase === "idle";
    if (phase !== "live") byId("play").hidden = true;
    this.#drawWords(conversation);
    this.#drawPath();
    this.#drawControls();
  }

  /** @param {Conversation | null} conversation */
  #drawWords(conversation) {
    if (!conversation) return;
    const name = conversation.remoteUid;
    byId("waiting-name").textContent = name;
    byId("waiting-text").textContent = translate(`stage.${conversation.state}`);
    byId("caption-name").textContent = name;
    byId("live").dataset.state = conversation.degraded ? "reconnecting" : "connected";
    byId("live-text").textContent = translate(this.liveWords);
    this.#remote.setAttribute("aria-label", translate("stage.video.label", { name }));
  }

  #drawPath() {
    const chip = byId("path");
    chip.hidden = !this.#path;
    if (!this.#path) return;
    const { local = "?", remote = "?", relayed } = this.#path;
    const path = translate(relayed ? "stage.relayed" : "stage.direct");
    const label = translate("stage.path.label", { path, local, remote });
    const dot = Object.assign(document.createElement("span"), { className: "dot" });
    const details = Object.assign(document.createElement("span"), {
      className: "unseen",
      textContent: label,
    });
    const word = Object.assign(document.createElement("span"), {
      textContent: path,
      ariaHidden: "true",
    });
    chip.toggleAttribute("data-relayed", Boolean(relayed));
    chip.title = label;
    chip.replaceChildren(dot, word, details);
  }

  #drawControls() {
    const looks = this.#conversation?.purpose === "view";
    const join = /** @type {HTMLButtonElement} */ (byId("join"));
    join.hidden = !looks;
    join.disabled = this.#asking || phaseOf(this.#conversation) !== "live";
    for (const id of ["mute", "camera"]) byId(id).hidden = looks;
    const { available, muted } = this.#microphone;
    const mute = /** @type {HTMLButtonElement} */ (byId("mute"));
    const label = !available
      ? "control.microphone.none"
      : muted
        ? "control.unmute"
        : "control.mute";
    setLabel(mute, translate(label));
    setIcon(mute, available && !muted ? "mic" : "mic-off");
    mute.disabled = !available;
    mute.setAttribute("aria-pressed", String(muted));
    mute.toggleAttribute("data-off", available && muted);
    const camera = byId("camera");
    const cameraOn = !this.#self.hidden;
    setLabel(camera, translate(cameraOn ? "control.camera.off" : "control.camera.on"));
    setIcon(camera, cameraOn ? "camera" : "camera-off");
    camera.setAttribute("aria-pressed", String(cameraOn));
    const full = document.fullscreenElement !== null;
    setLabel(
      byId("fullscreen"),
      translate(full ? "control.fullscreen.exit" : "control.fullscreen"),
    );
  }

  /** @param {Conversation} conversation */
  #changed(conversation) {
    if (conversation !== this.#conversation) return;
    if (conversation.state === "connected") {
      this.#connectedAt = Date.now();
      clearInterval(this.#clock);
      this.#clock = setInterval(() => this.#tick(), 500);
      this.#tick();
    }
    this.redraw();
  }

  #tick() {
    byId("timer").textContent = clockText((Date.now() - this.#connectedAt) / 1000);
  }

  /** @param {Conversation} conversation */
  #attach(conversation) {
    if (conversation !== this.#conversation) return;
    this.#remote.hidden = false;
    if (this.#remote.srcObject !== conversation.remoteStream)
      this.#remote.srcObject = conversation.remoteStream;
    this.#remote.muted = false;
    this.#remote.requestVideoFrameCallback?.(() => conversation.noteFirstFrame());
    this.#remote.play().catch((fault) => this.#cannotPlay(fault));
    this.redraw();
  }

  /** A browser that plays no sound unasked still shows the picture. @param {Error} fault */
  #cannotPlay(fault) {
    if (fault.name !== "NotAllowedError") return; // replaced by a newer stream, or ended
    this.#remote.muted = true;
    byId("play").hidden = false;
    this.#remote.play().catch(() => {});
  }

  #playAloud() {
    this.#remote.muted = false;
    byId("play").hidden = true;
    byId("hangup").focus();
    this.#remote.play().catch(() => {});
  }

  /** @param {(key: string) => void} onNotice */
  async #toggleFullScreen(onNotice) {
    const phone = /** @type {any} */ (this.#remote);
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else if (this.#stage.requestFullscreen) await this.#stage.requestFullscreen();
      else phone.webkitEnterFullscreen(); // iPhones show only the video itself in full screen
    } catch {
      onNotice("error.fullscreen");
    }
  }
}

/**
 * What the stage shows of a conversation.
 * @param {Conversation | null} conversation
 * @returns {"idle" | "waiting" | "live"}
 */
function phaseOf(conversation) {
  if (!conversation || conversation.state === "closed") return "idle";
  return conversation.state === "connected" ? "live" : "waiting";
}
