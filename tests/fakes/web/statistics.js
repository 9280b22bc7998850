// @ts-check
/** W3C statistics of a fake connection. */

/**
 * What a connection reports that receives a picture.
 * @param {import("./peer-connection.js").FakePeerConnection} connection
 */
export function statisticsOf(connection) {
  const at = { timestamp: Date.now() };
  return new Map(
    [
      {
        id: "T",
        type: "transport",
        packetsReceived: connection.packetsReceived + connection.otherPacketsReceived,
        dtlsState: "connected",
        selectedCandidatePairId: "P",
        ...at,
      },
      {
        id: "P",
        type: "candidate-pair",
        state: "succeeded",
        nominated: true,
        currentRoundTripTime: 0.02,
        localCandidateId: "L",
        remoteCandidateId: "R",
        ...at,
      },
      {
        id: "L",
        type: "local-candidate",
        candidateType: "host",
        protocol: "udp",
        address: "192.0.2.1",
        ...at,
      },
      {
        id: "R",
        type: "remote-candidate",
        candidateType: "relay",
        protocol: "udp",
        address: "192.0.2.2",
        ...at,
      },
      { id: "C", type: "codec", mimeType: "video/H264", ...at },
      {
        id: "I",
        type: "inbound-rtp",
        kind: "video",
        codecId: "C",
        packetsReceived: connection.packetsReceived,
        bytesReceived: connection.packetsReceived * 1000,
        framesDecoded: connection.framesDecoded,
        framesReceived: connection.framesDecoded,
        framesPerSecond: 30,
        frameWidth: 1280,
        frameHeight: 720,
        jitter: 0.004,
        packetsLost: 2,
        totalProcessingDelay: connection.framesDecoded * 0.05,
        nackCount: 1,
        pliCount: 1,
        framesPerSecondUnknown: NaN,
        ...at,
      },
    ].map((entry) => [entry.id, entry]),
  );
}
