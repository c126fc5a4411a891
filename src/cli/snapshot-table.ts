import type { SnapshotMethod, SnapshotSummary } from '../operations/contract.ts';
import { localTime } from './local-time.ts';
import { table } from './table.ts';
import { formatBytes } from './units.ts';

export const METHOD: Readonly<Record<SnapshotMethod, string>> = {
  full: 'full',
  'native-incremental': 'incremental',
  'hash-incremental': 'incremental by page hash',
};

/** Enough digits to tell a few thousand snapshots apart; commands take them. */
export const shortId = (id: string): string => id.slice(0, 12);

export function snapshotTable(snapshots: readonly SnapshotSummary[]): string {
  return table(
    [
      { title: 'SNAPSHOT', value: ({ id }) => shortId(id) },
      { title: 'SOURCE', value: ({ source }) => source },
      { title: 'RESTORABLE FROM', value: ({ consistentAt }) => localTime(consistentAt) },
      { title: 'METHOD', value: ({ method }) => METHOD[method] },
      { title: 'TIMELINE', value: ({ timeline }) => String(timeline), right: true },
      { title: 'SIZE', value: ({ bytesTotal }) => formatBytes(bytesTotal), right: true },
      { title: 'STORED', value: ({ bytesStored }) => formatBytes(bytesStored), right: true },
    ],
    snapshots,
  );
}
