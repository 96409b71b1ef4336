import { KNOCK_BYTES } from "../tls/knock.ts";

/** First bytes of a session's messages. Those of a connection to a relay begin with 0, so one
 * server tells them apart.
 * @see docs/format/datagram.md */
export const FRAME_HELLO = 0x10;
export const FRAME_DATA = 0x11;
export const FRAME_CREDIT = 0x12;
export const FRAME_END = 0x13;

export const CREDIT_BYTES = 1 + 4;
export const HELLO_BYTES = 1 + KNOCK_BYTES;

/** The dialler's first message. */
export function encodeHello(knock: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(FRAME_HELLO), knock]);
}

/** Says that the reader has room for `roomBytes` more. */
export function encodeCredit(roomBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(CREDIT_BYTES);
  frame[0] = FRAME_CREDIT;
  frame.writeUInt32LE(roomBytes, 1);
  return frame;
}
