// @ts-check
/**
 * What a browser does otherwise than the device, complete: the tables, their rules and the timing
 * are
 * the same but for this, and the tests hold them to it.
 */

/** Scenarios that are not a browser's, and why. @type {Record<string, string>} */
export const NOT_OF_BROWSERS = {
  registry_rate_limited:
    "a page asks a person, and limits only its complaints about malformed messages",
};

NOT_OF_BROWSERS.incoming_view_listens = "nobody comes to a page by a way that has no renewals";

/**
 * Fields of inputs that only a browser's shell gives, by input.
 * @type {Record<string, string[]>}
 */
export const OWN_FIELDS = {
  // An invited browser expects sound and a picture as well, where the offer promises them.
  acceptRequested: ["expectsMedia"],
  crossingFound: ["expectsMedia"],
  // That the remote peer has left is known after two seconds, and counts from the start.
  peerLost: ["seconds"],
};

/** Inputs that no browser gives. @type {Record<string, string>} */
export const OWN_UNUSED = {
  rtcpTimedOut: "no API tells when RTCP came, and the page's own statistics do not count it",
};

/** Timing that is a browser's own, in seconds. @type {Record<string, number>} */
export const OWN_TIMING = {
  // The remote peer says TIMEOUT itself; the client of the page waits so much longer for that.
  answerTravel: 0,
};
