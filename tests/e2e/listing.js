// @ts-nocheck
/**
 * A page as the documentation of a video SDK lists it: `call(remoteUid, localStream, data)`, the six
 * events of a conversation, `called` and `accept(localStream)`. Only what makes the two clients is
 * this project's. What happens is written to `seen`, for the test.
 */

import { CallClient } from "./conversation.js";

const { device, prefix } = Object.fromEntries(new URLSearchParams(location.search));
const seen = { words: [], local: 0, remote: 0, incoming: [] };

const video = new CallClient({ broker: "mqtt", uid: "listing", prefix });
const videoInstance = new CallClient({ broker: "mqtt", uid: "answers", prefix });

function listen(mConversation) {
  mConversation.on("response", function (callStatus) {
    switch (callStatus) {
      case "ACCEPTED":
        seen.words.push("accepted");
        break;
      case "REJECTED":
        seen.words.push("rejected");
        break;
      case "BUSY":
        seen.words.push("busy");
        break;
      case "TIMEOUT":
        seen.words.push("timeout");
        break;
      default:
        seen.words.push("unknown: " + callStatus);
        break;
    }
  });
  mConversation.on("stream_received", function (stream) {
    document.getElementById("remote").srcObject = stream;
    seen.words.push("stream: " + (stream instanceof MediaStream));
  });
  mConversation.on("closed", function () {
    mConversation.close();
    mConversation = null;
    seen.words.push("closed");
  });
  mConversation.on("error", function (error) {
    seen.words.push("Conversation error is " + error);
  });
  mConversation.on("local_stats", function (statistic) {
    seen.local = Object.keys(statistic.audio ?? {}).length;
  });
  mConversation.on("remote_stats", function (statistic) {
    seen.remote = statistic.video?.bitrate ?? 0;
  });
}

videoInstance.on("called", function (incomingConversation) {
  seen.incoming.push(incomingConversation.remoteUid, incomingConversation.userData);
  if (incomingConversation.userData === "not now") return incomingConversation.reject();
  navigator.mediaDevices.getUserMedia({ audio: true, video: true }).then(function (localStream) {
    incomingConversation.accept(localStream).then(function (conversation) {
      seen.incoming.push(conversation === incomingConversation);
    });
  });
});

/** Settles once a conversation with `remoteUid` is over, hung up after so many statistics with a picture. */
async function call(remoteUid, data) {
  const localStream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const mConversation = video.call(remoteUid, localStream, data);
  listen(mConversation);
  mConversation.on("remote_stats", function () {
    if (seen.remote > 0 && seen.local > 0) mConversation.close();
  });
  await new Promise(function (resolve) {
    mConversation.on("closed", resolve);
  });
}

const names = { name: "", message: "" };
try {
  video.on("token_error", function () {});
} catch (error) {
  Object.assign(names, { name: error.name, message: error.message });
}

Object.assign(globalThis, { call, device, names, seen });
globalThis.ready = Promise.all([video.start(), videoInstance.start()]);
