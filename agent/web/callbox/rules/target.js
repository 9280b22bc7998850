// @ts-check

/** The reasons of a REJECTED that a person has given. @type {unknown[]} */
const REFUSALS_OF_A_PERSON = [undefined, null, "rejected", "declined"];

/**
 * Whether a refusal is a person's, and so one of the whole uid; any other is of one party alone
 * (PROTOCOL 3).
 * @param {string | null} status
 * @param {string | null} [reason]
 */
export function speaksForUid(status, reason) {
  return status === "REJECTED" && REFUSALS_OF_A_PERSON.includes(reason);
}

/** One uid that is invited. `status` is null while its answer is open. */
export class Target {
  invited = false;
  /** Parties at which a person is being asked. @type {Set<string>} */
  ringing = new Set();
  /** @type {string | null} */
  status = null;
  /** @type {string | undefined} */
  reason;
  /** Its time less ours, where our invitation came expired there. @type {number | null} */
  clock = null;

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

  /** As if it had not been invited. */
  beginAnew() {
    this.invited = false;
    this.status = this.clock = null;
    this.reason = undefined;
    this.ringing.clear();
  }
}
