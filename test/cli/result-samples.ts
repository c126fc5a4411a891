import type {
  BackupResult,
  DeleteResult,
  DemoResult,
  DoctorResult,
  FollowResult,
  InitResult,
  KeyAddResult,
  KeyListResult,
  ListResult,
  RestoreResult,
  ShowResult,
  SnapshotSummary,
  VerifyResult,
  WalFetchResult,
  WalPushResult,
  WindowResult,
} from '../../src/operations/contract.ts';

/** One plausible result of every operation, for the tests of how they are rendered. */
const id = '3f9c02ab51d04e6f8a7b6c5d4e3f2a1b';

const snapshot: SnapshotSummary = {
  id,
  source: 'main',
  lineage: '00112233445566778899aabbccddeeff',
  method: 'native-incremental',
  parent: 'aa9c02ab51d04e6f8a7b6c5d4e3f2a1b',
  startedAt: '2026-11-21T13:30:00.000000Z',
  consistentAt: '2026-11-21T13:30:12.345678Z',
  timeline: 1,
  startLsn: '0/5000028',
  stopLsn: '0/5000120',
  serverVersion: '18.4',
  bytesTotal: 3 * 1024 ** 3,
  bytesStored: 51 * 1024 ** 2,
  filesTotal: 1285,
};

export const init: InitResult = {
  configFile: '/etc/holdfast/holdfast.yaml',
  configWritten: true,
  repository: { id, location: '/var/lib/holdfast', created: true },
  key: { kind: 'key-file', path: '/etc/holdfast/holdfast.key', created: true },
  found: ['PostgreSQL 18.4 at db1:5432'],
  warnings: [],
  next: ['holdfast backup main'],
};

export const backup: BackupResult = {
  snapshot,
  reason: 'WAL summaries reach back to the parent',
  newLineage: false,
  capturedFrom: { address: 'db1:5432', role: 'standby' },
  seconds: 12.3,
  bytesRead: 60 * 1024 ** 2,
  pagesStored: 6000,
  pagesShared: 387216,
  packs: 2,
  warnings: [],
};

export const follow: FollowResult = {
  source: 'main',
  lineage: snapshot.lineage,
  startedAt: '2026-11-21T13:30:00.000000Z',
  stoppedAt: '2026-11-21T14:30:00.000000Z',
  timeline: 1,
  startLsn: '0/5000000',
  flushedLsn: '0/9000100',
  storedLsn: '0/9000000',
  bytes: 67109120,
  reconnects: 1,
  warnings: [],
};

export const restore: RestoreResult = {
  source: 'main',
  directory: '/srv/back',
  dryRun: false,
  target: '2026-11-21T14:00:00Z',
  timeline: 1,
  snapshot,
  log: { fromLsn: '0/5000028', toLsn: '0/9000000', segments: 4 },
  reached: {
    timeline: 1,
    lsn: '0/8FFFFF0',
    time: '2026-11-21T13:59:59.999999Z',
    stoppedAt: 'target',
  },
  bytes: 3 * 1024 ** 3,
  seconds: 8.5,
  phases: { fetch: 6.1, replay: 2.4 },
  server: {
    pid: 4711,
    socketDirectory: '/srv/back.socket',
    port: 5499,
    connect: 'psql -h /srv/back.socket -p 5499',
    stop: 'kill -INT 4711',
  },
  warnings: [],
  next: [],
};

export const verify: VerifyResult = {
  ok: true,
  level: 'V2',
  seconds: 3.2,
  bytesRead: 51 * 1024 ** 2,
  snapshots: [
    { id, source: 'main', ok: true, packs: 12, problems: [] },
    { id, source: 'main', ok: false, packs: 1, problems: ['pack 12 is missing'] },
  ],
  warnings: [],
};

export const list: ListResult = { snapshots: [snapshot], warnings: [] };

export const show: ShowResult = {
  snapshot,
  systemIdentifier: '7412345678901234567',
  capturedFrom: 'standby',
  dataChecksums: true,
  checksumFailures: 2,
  tablespaces: [{ oid: 16400, location: '/mnt/fast' }],
  packs: 12,
  next: [`holdfast restore main --to /srv/back --snapshot ${id}`],
};

export const window: WindowResult = {
  source: 'main',
  lineages: [
    {
      lineage: snapshot.lineage,
      systemIdentifier: '7412345678901234567',
      timelines: [
        {
          timeline: 1,
          ranges: [
            {
              from: { time: '2026-11-21T13:30:12.345678Z', lsn: '0/5000120' },
              to: { time: '2026-11-21T14:30:00.000000Z', lsn: '0/9000000' },
              snapshot: id,
            },
          ],
          gaps: [{ fromLsn: '0/9000000', toLsn: '0/A000000', segment: '00000001000000000000000A' }],
        },
      ],
    },
  ],
  warnings: [],
};

export const deleted: DeleteResult = {
  snapshot,
  dryRun: false,
  objects: 3,
  bytes: 51 * 1024 ** 2,
  warnings: [],
};

export const doctor: DoctorResult = {
  ok: true,
  checks: [
    { name: 'repository.opens', subject: 'repository', status: 'ok', message: 'The key opens it.' },
    {
      name: 'slot.unlimited',
      subject: 'main',
      status: 'warning',
      message: 'The slot may keep any amount of log.',
      hint: "ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf();",
    },
  ],
};

export const demo: DemoResult = {
  ok: true,
  engine: 'postgres',
  version: '18.4',
  commitsAcknowledged: 12345,
  commitsLost: 0,
  proofLevel: 'L4',
  snapshots: [snapshot],
  phases: { start: 1.1, backup: 2.2, restore: 3.3 },
  restores: [
    {
      target: '2026-11-21T13:31:00.000000Z',
      reached: '2026-11-21T13:30:59.998877Z',
      seconds: 2.5,
      checks: [{ name: 'page checksums', level: 'L3', ok: true }],
    },
  ],
};

export const walPush: WalPushResult = { stored: ['000000010000000000000005'], already: [] };

export const walFetch: WalFetchResult = { name: '000000010000000000000005', status: 'fetched' };

export const keyAdd: KeyAddResult = {
  id,
  role: 'full',
  key: { kind: 'key-file', path: '/k', created: true },
};

export const keyList: KeyListResult = {
  keys: [{ id, kind: 'key-file', role: 'full', label: 'db1', created: '2026-11-21T13:30:00.000Z' }],
  warnings: [],
};
