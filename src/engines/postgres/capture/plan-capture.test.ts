import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../../errors/catalogue.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { lsn } from '../lsn.ts';
import { type CaptureParent, fallbackAfter, planCapture } from './plan-capture.ts';

const at = (value: number) => lsn(BigInt(value));

const parent: CaptureParent = {
  systemIdentifier: '7',
  serverVersionNum: 180_004,
  walSegmentSize: 1,
  dataChecksums: true,
  startTimeline: 1,
  startLsn: at(100),
  stopTimeline: 1,
  stopLsn: at(120),
  hasManifest: true,
};

function server(changes: Partial<Inspection> = {}): Inspection {
  return {
    address: 'a',
    systemIdentifier: '7',
    serverVersionNum: 180_004,
    serverVersion: '18.4',
    inRecovery: false,
    timeline: 1,
    history: { timeline: 1, ancestors: [] },
    position: at(300),
    clock: undefined,
    blockSize: 8192,
    walSegmentSize: 1,
    dataChecksums: true,
    settings: { summarize_wal: 'on' },
    role: undefined,
    tablespaces: [],
    databases: [],
    slots: [],
    archiver: undefined,
    summarizer: {
      timeline: 1,
      summarizedLsn: at(300),
      running: true,
      covered: [{ timeline: 1, start: at(0), end: at(300) }],
    },
    control: undefined,
    unknown: [],
    hazards: [],
    ...changes,
  };
}

const summarizer = (changes: object) => ({
  summarizer: { ...server().summarizer!, ...changes },
});
const forked = (end: number) => ({
  timeline: 2,
  history: { timeline: 2, ancestors: [{ timeline: 1, end: at(end), reason: '' }] },
});

const cases: readonly (readonly [string, Partial<Inspection>, string, RegExp])[] = [
  ['summaries cover the parent', {}, 'native-incremental', /cover/],
  ['another cluster', { systemIdentifier: '8' }, 'full', /another cluster/],
  ['another major version', { serverVersionNum: 170_000 }, 'full', /PostgreSQL 18/],
  ['checksums switched (§4.3 #36)', { dataChecksums: false }, 'full', /turned off/],
  ['another segment size', { walSegmentSize: 2 }, 'full', /segment size/],
  ['a fork before the end of the parent', forked(110), 'full', /left timeline 1 at 0\/6E/],
  [
    'an unknown timeline',
    { timeline: 3, history: { timeline: 3, ancestors: [] } },
    'full',
    /not in/,
  ],
  ['an unreadable history', { timeline: 2, history: undefined }, 'full', /could not be read/],
  ['summarize_wal off', { settings: { summarize_wal: 'off' } }, 'hash-incremental', /off/],
  ['no SQL', { summarizer: undefined }, 'hash-incremental', /over SQL/],
  ['a dead summarizer (§4.3 #34)', summarizer({ running: false }), 'hash-incremental', /running/],
  [
    'summaries removed since',
    summarizer({ covered: [{ timeline: 1, start: at(150), end: at(300) }] }),
    'hash-incremental',
    /incomplete/,
  ],
  [
    'a gap between summaries',
    summarizer({
      covered: [
        { timeline: 1, start: at(50), end: at(130) },
        { timeline: 1, start: at(140), end: at(300) },
      ],
    }),
    'hash-incremental',
    /incomplete/,
  ],
  [
    'a fork after the parent, both sides summarized',
    {
      ...forked(200),
      ...summarizer({
        timeline: 2,
        covered: [
          { timeline: 1, start: at(0), end: at(200) },
          { timeline: 2, start: at(200), end: at(300) },
        ],
      }),
    },
    'native-incremental',
    /cover/,
  ],
  [
    'a fork after the parent, the old side cut short',
    {
      ...forked(200),
      ...summarizer({
        timeline: 2,
        covered: [
          { timeline: 1, start: at(0), end: at(190) },
          { timeline: 2, start: at(200), end: at(300) },
        ],
      }),
    },
    'hash-incremental',
    /timeline 1/,
  ],
];

for (const [name, changes, kind, reason] of cases) {
  test(`planning a capture: ${name}`, () => {
    const plan = planCapture({ inspection: server(changes), parent });
    assert.equal(plan.kind, kind);
    assert.match(plan.reason, reason);
  });
}

test('planning a capture: no parent, a lost manifest, an old server', () => {
  assert.equal(planCapture({ inspection: server(), parent: undefined }).kind, 'full');
  const lost = planCapture({ inspection: server(), parent: { ...parent, hasManifest: false } });
  assert.equal(lost.kind, 'hash-incremental');
  const old = planCapture({
    inspection: server({ serverVersionNum: 160_014, summarizer: undefined }),
    parent: { ...parent, serverVersionNum: 160_012 },
  });
  assert.deepEqual(old.kind, 'hash-incremental');
  assert.match(old.reason, /PostgreSQL 16 sends no/);
});

test('what the server refuses falls back; what is no refusal stands', () => {
  const after = (code: ErrorCode) => fallbackAfter(new HoldfastError(code))?.kind;
  assert.equal(after('POSTGRES_SUMMARIES_MISSING'), 'hash-incremental');
  assert.equal(after('POSTGRES_PARENT_TOO_NEW'), 'hash-incremental');
  assert.equal(after('POSTGRES_PARENT_NOT_ANCESTOR'), 'full');
  assert.equal(after('POSTGRES_MANIFEST_MISMATCH'), undefined);
  assert.equal(fallbackAfter(new Error('other')), undefined);
});
