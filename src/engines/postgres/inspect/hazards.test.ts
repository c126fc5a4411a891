import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lsn } from '../lsn.ts';
import { hazardsOf } from './hazards.ts';
import type { Inspection, SlotFacts } from './inspection.ts';

type Facts = Omit<Inspection, 'hazards'>;

const healthy: Facts = {
  address: 'db:5432',
  systemIdentifier: '7',
  serverVersionNum: 180_004,
  serverVersion: '18.4',
  inRecovery: false,
  timeline: 1,
  history: { timeline: 1, ancestors: [] },
  position: lsn(0n),
  clock: undefined,
  blockSize: 8192,
  walSegmentSize: 1 << 24,
  dataChecksums: true,
  settings: {
    archive_mode: 'on',
    config_file: '/data/postgresql.conf',
    data_directory: '/data',
    fsync: 'on',
    full_page_writes: 'on',
    hba_file: '/data/pg_hba.conf',
    idle_replication_slot_timeout: '0',
    ident_file: '/data/pg_ident.conf',
    max_slot_wal_keep_size: '64GB',
    max_wal_senders: '10',
    summarize_wal: 'on',
    synchronous_commit: 'on',
    synchronous_standby_names: '',
    wal_level: 'replica',
  },
  role: { name: 'keeper', superuser: false, replication: true, monitor: true },
  tablespaces: [],
  databases: [],
  slots: [],
  archiver: { lastArchived: undefined, lastFailed: undefined, failing: false },
  summarizer: { timeline: 1, summarizedLsn: lsn(0n), running: true, covered: [] },
  control: undefined,
  unknown: [],
};

const slot = (changes: Partial<SlotFacts>): Pick<Facts, 'slots'> => ({
  slots: [
    {
      name: 'holdfast',
      type: 'physical',
      active: false,
      temporary: false,
      restartLsn: lsn(1n),
      walStatus: 'reserved',
      safeWalSize: undefined,
      retainedBytes: 0,
      ...changes,
    },
  ],
});
const setting = (name: string, value: string) => ({
  settings: { ...healthy.settings, [name]: value },
});

test('a healthy server has none; unknown facts are no hazards', () => {
  assert.deepEqual(hazardsOf(healthy), []);
  const settings = Object.fromEntries(
    Object.entries(healthy.settings).filter(([name]) => !/_(file|directory)$/.test(name)),
  );
  const unknown = { role: undefined, slots: undefined, archiver: undefined, summarizer: undefined };
  assert.deepEqual(hazardsOf({ ...healthy, ...unknown, settings }), []);
});

const cases: readonly (readonly [string, Partial<Facts>, string, string])[] = [
  [
    'an old version',
    { serverVersionNum: 130_010, serverVersion: '13.10' },
    'VERSION_UNSUPPORTED',
    'blocker',
  ],
  ['a coming version', { serverVersionNum: 190_000 }, 'VERSION_UNSUPPORTED', 'blocker'],
  ['large pages', { blockSize: 32_768 }, 'BLOCK_SIZE', 'blocker'],
  ['wal_level minimal (§4.3 #35)', setting('wal_level', 'minimal'), 'WAL_LEVEL_MINIMAL', 'blocker'],
  ['no walsenders', setting('max_wal_senders', '0'), 'WAL_SENDERS', 'blocker'],
  ['few walsenders', setting('max_wal_senders', '2'), 'WAL_SENDERS', 'warning'],
  [
    'a role that may not replicate',
    { role: { ...healthy.role!, replication: false } },
    'ROLE_WITHOUT_REPLICATION',
    'blocker',
  ],
  ['torn pages possible', setting('full_page_writes', 'off'), 'FULL_PAGE_WRITES_OFF', 'warning'],
  [
    'torn pages possible on a standby',
    { inRecovery: true, ...setting('full_page_writes', 'off') },
    'FULL_PAGE_WRITES_OFF',
    'blocker',
  ],
  ['no fsync', setting('fsync', 'off'), 'FSYNC_OFF', 'warning'],
  ['no checksums', { dataChecksums: false }, 'CHECKSUMS_OFF', 'note'],
  ['no summaries', setting('summarize_wal', 'off'), 'SUMMARIES_OFF', 'note'],
  [
    'a stopped summarizer (§4.3 #34)',
    { summarizer: { ...healthy.summarizer!, running: false } },
    'SUMMARIZER_STOPPED',
    'warning',
  ],
  ['17.7 (§4.3 #32)', { serverVersionNum: 170_007 }, 'INCREMENTAL_TRUNCATION_BUG', 'note'],
  ['18.1 (§4.3 #32)', { serverVersionNum: 180_001 }, 'INCREMENTAL_TRUNCATION_BUG', 'note'],
  [
    'a slot without limit',
    { ...slot({}), ...setting('max_slot_wal_keep_size', '-1') },
    'SLOT_RETENTION_UNLIMITED',
    'warning',
  ],
  [
    'slots that time out',
    setting('idle_replication_slot_timeout', '1d'),
    'SLOT_IDLE_TIMEOUT',
    'warning',
  ],
  ['a lost slot', slot({ walStatus: 'lost', restartLsn: undefined }), 'SLOT_LOST', 'warning'],
  ['an abandoned slot', slot({ retainedBytes: 20 * 1024 ** 3 }), 'SLOT_RETAINS', 'warning'],
  [
    'commits that wait for an apply that never comes',
    {
      settings: {
        ...healthy.settings,
        synchronous_commit: 'remote_apply',
        synchronous_standby_names: 'holdfast',
      },
    },
    'REMOTE_APPLY',
    'warning',
  ],
  [
    'a failing archiver',
    { archiver: { lastArchived: undefined, lastFailed: '0000000100000001', failing: true } },
    'ARCHIVER_FAILING',
    'warning',
  ],
  [
    'configuration elsewhere',
    setting('hba_file', '/etc/postgresql/18/main/pg_hba.conf'),
    'CONFIGURATION_OUTSIDE',
    'note',
  ],
];

for (const [name, changes, code, severity] of cases) {
  test(`hazard: ${name}`, () => {
    const hazards = hazardsOf({ ...healthy, ...changes });
    assert.deepEqual(
      hazards.map((hazard) => [hazard.code, hazard.severity]),
      [[code, severity]],
    );
    assert.ok(hazards[0]?.fix.endsWith(';') || hazards[0]?.fix.endsWith('.'));
  });
}

test('what is in use or bounded is no hazard', () => {
  assert.deepEqual(hazardsOf({ ...healthy, ...slot({}) }), []);
  assert.deepEqual(hazardsOf({ ...healthy, ...slot({ active: true, retainedBytes: 1e12 }) }), []);
  const temporary = { ...slot({ temporary: true }), ...setting('max_slot_wal_keep_size', '-1') };
  assert.deepEqual(hazardsOf({ ...healthy, ...temporary }), []);
  assert.deepEqual(hazardsOf({ ...healthy, ...setting('synchronous_commit', 'remote_apply') }), []);
  assert.deepEqual(hazardsOf({ ...healthy, serverVersionNum: 170_008 }), []);
});
