// Whether an RTP payload (RFC 6184) begins or holds an IDR picture.
export function isKeyFrame(payload) {
  const type = payload[0] & 0x1f;
  if (type === 5) return true;
  if (type === 28) return (payload[1] & 0x9f) === 0x85;
  if (type !== 24) return false;
  for (let at = 1; at + 2 < payload.length; at += 2 + payload.readUInt16BE(at)) {
    if ((payload[at + 2] & 0x1f) === 5) return true;
  }
  return false;
}
