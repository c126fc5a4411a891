import { relationFile, SEGMENT_PAGES } from '../engines/postgres/capture/relation-path.ts';
import { pageProblem } from '../engines/postgres/check/page-checksum.ts';
import { parseLsn } from '../engines/postgres/lsn.ts';
import type { PostgresSnapshotDocument } from '../engines/postgres/snapshot-document.ts';
import type { CheckPage } from '../repository/snapshots/verify-content.ts';

/**
 * PostgreSQL's own checksum of each page, where the cluster has them; undefined where not.
 *
 * A page written after the backup began may have been torn while it was sent: the log replayed
 * over it mends it, so that its checksum says nothing (as in PostgreSQL's basebackup.c).
 */
export function checkStoredPage(document: PostgresSnapshotDocument): CheckPage | undefined {
  if (!document.dataChecksums) return undefined;
  const began = parseLsn(document.startLsn);
  return ({ path, number, bytes }) => {
    const file = relationFile(path);
    if (!file || pageLsn(bytes) >= began) return undefined;
    const block = file.segment * SEGMENT_PAGES + number;
    // The checksum reads words of four bytes.
    const page = bytes.byteOffset % 4 === 0 ? bytes : Buffer.from(bytes);
    return pageProblem({ page, block, checksums: true });
  };
}

const pageLsn = (page: Buffer): bigint =>
  (BigInt(page.readUInt32LE(0)) << 32n) | BigInt(page.readUInt32LE(4));
