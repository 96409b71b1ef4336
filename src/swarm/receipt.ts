import { messageOf } from "../base/error.ts";
import { idOf, type AccountId, type PeerId, type ShardId } from "../base/id.ts";
import { decodeReceipt, type Receipt } from "../codec/receipt.ts";
import { openEnvelope } from "../crypto/envelope.ts";
import { SwarmError } from "./error.ts";

/** What a receipt must say. */
export interface ReceiptWish {
  holder: PeerId;
  account: AccountId;
  id: ShardId;
  lengthBytes: number;
}

/** Opens a receipt: signed by the holder, for this account, shard and length.
 * @throws SwarmError RECEIPT_FORGED, naming the holder */
export function openReceipt(bytes: Uint8Array, wish: ReceiptWish): Receipt {
  const { holder, account, id, lengthBytes } = wish;
  let receipt: Receipt;
  try {
    const { signer, body } = openEnvelope("receipt", bytes);
    receipt = decodeReceipt(body);
    if (idOf(signer) !== holder || receipt.holder !== holder) {
      throw new SwarmError("RECEIPT_FORGED", "signed by another peer");
    }
  } catch (cause) {
    throw new SwarmError("RECEIPT_FORGED", `peer ${holder}: receipt: ${messageOf(cause)}`, {
      cause,
    });
  }
  const fits =
    receipt.account === account && receipt.shard === id && receipt.lengthBytes === lengthBytes;
  if (!fits) {
    const text = `peer ${holder}: its receipt is not for shard ${id} of ${lengthBytes} bytes`;
    throw new SwarmError("RECEIPT_FORGED", text);
  }
  return receipt;
}
