// @ts-check
/** Streams and their tracks, as a browser has them. */

export class FakeTrack extends EventTarget {
  enabled = true;
  muted = false;
  /** @param {string} kind */
  constructor(kind) {
    super();
    this.kind = kind;
  }
}

export class FakeMediaStream {
  /** @type {Set<FakeTrack>} */
  #tracks = new Set();
  /** @param {FakeTrack[]} [tracks] */
  constructor(tracks = []) {
    for (const track of tracks) this.#tracks.add(track);
  }
  getTracks() {
    return [...this.#tracks];
  }
  /** @param {FakeTrack} track */
  addTrack(track) {
    this.#tracks.add(track);
  }
  /** @param {FakeTrack} track */
  removeTrack(track) {
    this.#tracks.delete(track);
  }
}
