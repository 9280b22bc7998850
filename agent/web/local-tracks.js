// @ts-check
/** Microphone and camera of a call: opened beside the call, which does not wait for them. */

import { MediaRefused, openTrack } from "./media.js";

/**
 * @typedef {import("./conversation.js").Conversation} Conversation
 * @typedef {"audio" | "video"} Kind
 */

const KINDS = /** @type {const} */ (["audio", "video"]);
const NAMES = { audio: "microphone", video: "camera" };

export class LocalTracks {
  /** @type {{ audio: MediaStreamTrack | null, video: MediaStreamTrack | null }} */
  #tracks = { audio: null, video: null };
  /** The call that they are for. @type {Conversation | null} */
  #conversation = null;
  #hooks;

  /**
   * @param {object} hooks
   * @param {() => void} hooks.onChange a track has come or gone
   * @param {(key: string) => void} hooks.onNotice there is a sentence to show
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  get audio() {
    return this.#tracks.audio;
  }

  get video() {
    return this.#tracks.video;
  }

  /** Those that are opened from now on are for this call. @param {Conversation} conversation */
  begin(conversation) {
    this.#conversation = conversation;
  }

  /** Stops both. */
  end() {
    this.#conversation = null;
    for (const kind of KINDS) this.#stop(kind);
  }

  /** Opens one and sends it; says so where it cannot be had. @param {Kind} kind */
  async add(kind) {
    const conversation = this.#conversation;
    if (!conversation) return;
    try {
      const track = await openTrack(kind);
      if (conversation !== this.#conversation) return track.stop();
      this.#tracks[kind] = track;
      track.addEventListener("ended", () => this.#ended(conversation, kind));
      await conversation.replaceTrack(kind, track);
    } catch (fault) {
      if (!(fault instanceof MediaRefused)) throw fault;
      if (conversation === this.#conversation)
        this.#hooks.onNotice(`${NAMES[kind]}.${fault.refusal}`);
    }
    this.#hooks.onChange();
  }

  /** Stops one, and sends nothing in its place. @param {Kind} kind */
  async remove(kind) {
    this.#stop(kind);
    await this.#conversation?.replaceTrack(kind, null);
    this.#hooks.onChange();
  }

  /** @param {Conversation} conversation @param {Kind} kind */
  #ended(conversation, kind) {
    this.#stop(kind);
    void conversation.replaceTrack(kind, null);
    this.#hooks.onNotice(`${NAMES[kind]}.ended`);
    this.#hooks.onChange();
  }

  /** @param {Kind} kind */
  #stop(kind) {
    this.#tracks[kind]?.stop();
    this.#tracks[kind] = null;
  }
}
