// @ts-check

/** One uid that is invited. `status` is null while its answer is open. */
export class Target {
  invited = false;
  /** Parties at which a person is being asked. @type {Set<string>} */
  ringing = new Set();
  /** @type {string | null} */
  status = null;
  /** @type {string | undefined} */
  reason;

  /** @param {string} uid */
  constructor(uid) {
    this.uid = uid;
  }

  get waiting() {
    return this.invited && this.status === null;
  }

  /** @param {string} status @param {string} [reason] */
  answer(status, reason) {
    this.status = status;
    this.reason = reason;
  }
}
