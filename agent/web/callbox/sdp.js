// @ts-check
/** Session descriptions, as far as they are read here. */

const MAX_SDP_CANDIDATES = 20;

/**
 * SDP with at most as many candidates as the remote peer reads; those over UDP are kept first.
 * @param {string} description
 */
export function limitCandidates(description) {
  const isCandidate = (/** @type {string} */ line) => line.startsWith("a=candidate:");
  const lines = description.split("\r\n");
  const all = lines.filter(isCandidate);
  if (all.length <= MAX_SDP_CANDIDATES) return description;
  const isTcp = (/** @type {string} */ line) => / tcp /i.test(line);
  const kept = new Set(
    [...all.filter((l) => !isTcp(l)), ...all.filter(isTcp)].slice(0, MAX_SDP_CANDIDATES),
  );
  return lines.filter((line) => !isCandidate(line) || kept.has(line)).join("\r\n");
}

/**
 * The candidates over UDP that `limited` has no room for, to be trickled.
 * @param {string} description
 * @param {string} limited
 */
export function leftOut(description, limited) {
  const kept = new Set(limited.split("\r\n"));
  return description.split(/^(?=m=)/m).flatMap((section, index) => {
    const [, sdpMid] = /^a=mid:(\S+)/m.exec(section) ?? [];
    return section
      .split("\r\n")
      .filter((line) => /^a=candidate:\S+ 1 udp /i.test(line) && !kept.has(line))
      .map((line) => ({
        candidate: line.slice(2),
        sdpMid: sdpMid ?? null,
        sdpMLineIndex: Math.max(0, index - 1),
      }));
  });
}

/**
 * A remote peer's SDP with its sound in a stream of its own. Browsers hold the pictures of a stream
 * back until its sound is
 * played, and sound that was late once is played late for half a minute.
 * @param {string} description
 */
export function takeApart(description) {
  const sections = description.split(/(?=^m=)/m);
  const alone = (/** @type {string} */ section) =>
    section.replace(/^(a=(?:ssrc:\d+ )?msid:)\S+/gm, "$1sound");
  return sections
    .map((section) => (section.startsWith("m=audio") ? alone(section) : section))
    .join("");
}

/**
 * @param {boolean | RTCRtpTransceiverDirection} wanted
 * @param {MediaStreamTrack | null} track
 * @returns {RTCRtpTransceiverDirection}
 */
export function directionOf(wanted, track) {
  if (typeof wanted === "string") return wanted;
  if (!wanted) return "inactive";
  return track ? "sendrecv" : "recvonly";
}

/**
 * Whether a section is not rejected: port 0 is that of another one where it says so (RFC 9143 6).
 * @param {string} section
 * @param {string} port
 */
function isOpen(section, port) {
  return port !== "0" || /^a=bundle-only\s*$/m.test(section);
}

/**
 * Whether sound is `sent`, or is `taken`, by whoever made `description`.
 * @param {string} description
 * @param {"sent" | "taken"} which
 */
export function hasSound(description, which) {
  const other = which === "sent" ? "recvonly" : "sendonly";
  const without = new RegExp(`^a=(${other}|inactive)\\s*$`, "m");
  const [session, ...sections] = description.split(/^(?=m=)/m);
  const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m;
  return sections.some((section) => {
    const [, kind, port] = /^m=(\S+) (\d+)/.exec(section) ?? [];
    const stated = direction.test(section) ? section : session;
    return kind === "audio" && isOpen(section, port) && !without.test(stated);
  });
}

/**
 * Whether `description` promises a picture or sound, of the kinds that are wanted here.
 * @param {string} description
 * @param {import("./transport.js").Wanted} wanted
 */
export function promisesMedia(description, wanted) {
  const takes = (/** @type {boolean | string} */ want) =>
    want === true || /recv/.test(String(want));
  const sections = description.split(/^(?=m=)/m).slice(1);
  return sections.some((section) => {
    const [, kind, port] = /^m=(\S+) (\d+)/.exec(section) ?? [];
    const isSent = !/^a=(recvonly|inactive)\s*$/m.test(section);
    return (kind === "audio" || kind === "video") && isOpen(section, port) && isSent && takes(wanted[kind]);
  });
}
