// @ts-check
/**
 * Calls to and from callbox devices in a browser: MQTT 5 carries the signaling, WebRTC the media.
 * No user interface.
 *
 *     import { CallClient } from "./conversation.js";
 *     const client = new CallClient({ broker: "wss://example.org/mqtt", uid: "front-desk" });
 *     client.on("called", (conversation) => conversation.accept(localStream));
 *     await client.start();
 *     const conversation = client.call("door-1", localStream, { userData: { text: "hello" } });
 *     conversation.on("response", (callStatus) => console.log(callStatus));
 *     conversation.on("stream_received", (stream) => (video.srcObject = stream));
 *     conversation.on("error", (error) => console.log(String(error)));
 *     conversation.on("closed", (record) => console.log(record.reason));
 *
 * One file, built from the modules in `agent/web/callbox`; one dependency: MQTT.js 5, as the global
 * `mqtt` or as the option `connect`. It speaks the project's signaling protocol, version 1;
 * "PROTOCOL 2" in a comment is its section 2. Nothing that arrives from the network makes it throw:
 * what cannot be used is answered with an `error` message, or ignored.
 */

export { CallClient } from "./client.js";
export { CLIENT_EVENTS } from "./client-events.js";
export { DEFAULT_PREFIX } from "./client-options.js";
export { Conversation } from "./conversation.js";
export { CONVERSATION_EVENTS } from "./conversation-events.js";
export { CallError } from "./errors.js";
export { Household } from "./household.js";
export { brokerUrl } from "./link.js";
export { MalformedMessage } from "./protocol/malformed.js";
export { parseSignal } from "./protocol/messages.js";
export { takeApart } from "./sdp.js";
export { makeReports } from "./statistics/reports.js";
export { readSample } from "./statistics/sample.js";
export { CALL_STATUSES, CLOSE_REASONS, isUid } from "./vocabulary.js";
