import { systemRandom } from "../adapters/random.node.ts";
import type { Database } from "../ports/database.ts";
import { openHolder } from "../shards/holder.ts";
import type { HolderStore } from "../shards/holder.ts";
import { HOLDER_SCHEMA } from "../shards/schema.ts";
import { openRecordStore } from "../swarm/records.ts";
import type { RecordStore } from "../swarm/records.ts";
import type { Closers } from "./closers.ts";
import type { ComposeParts } from "./compose.ts";
import { openHomeDatabase } from "./home-database.ts";
import { offeredSpace } from "./offered-space.ts";
import { openStore } from "./stores.ts";

/** The holder's side of a peer: other accounts' shards and records, in `holder.db` and the
 * store. */
export async function composeHolder(
  parts: ComposeParts,
  closers: Closers,
): Promise<{ holder: HolderStore; records: RecordStore; database: Database }> {
  const { paths, keyring, config, clock, log } = parts;
  const loss = "big shards stay, their owners upload the small ones again";
  const database = openHomeDatabase(paths.holderDatabase, HOLDER_SCHEMA, loss);
  closers.add(() => database.close());
  const storeFolder = config.store_dir ?? paths.shards;
  const blobs = await openStore(paths.stores, storeFolder, keyring.peerId);
  const offered = { bytes: 0 };
  const holder = openHolder({
    database,
    blobs,
    clock,
    random: systemRandom,
    key: keyring.peer,
    spaceBytes: () => offered.bytes,
    log,
  });
  closers.add(() => holder.close());
  // What is free counts what is held already: the default must not shrink with every restart.
  offered.bytes = offeredSpace(config.file_storage, storeFolder, holder.usage().bytes);
  return { holder, records: openRecordStore(database, clock), database };
}
