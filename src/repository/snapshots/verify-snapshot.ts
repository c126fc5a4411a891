import type { OnProgress } from '../../content/progress.ts';
import type { Repository } from '../repository.ts';
import type { Snapshot } from './snapshot.ts';
import { findUnsound } from './stored-objects.ts';
import { type CheckPage, verifyContent } from './verify-content.ts';
import { dueToday, verifyChecksums, verifyTails } from './verify-objects.ts';
import { Findings, type VerifyLevel, type VerifyReport } from './verify-report.ts';

/** Days in which V2 has read every object once. */
const ROTATION_DAYS = 30;

/**
 * Looks for damage and names all of it. Rejects only when it could not look: the store did not
 * answer, or the keys do not suffice (V3 needs the full role).
 */
export async function verifySnapshot(options: {
  repository: Repository;
  snapshot: Snapshot;
  level: VerifyLevel;
  /** Of V3: the engine's own check of a page. */
  checkPage?: CheckPage;
  onProgress?: OnProgress;
  workers?: number;
  signal?: AbortSignal;
}): Promise<VerifyReport> {
  const { repository, snapshot, level, onProgress, signal } = options;
  const findings = new Findings();
  const total = expectedBytes(snapshot, level);
  let done = 0;
  const onBytes = (bytes: number) => {
    signal?.throwIfAborted();
    done += bytes;
    const expected = total === undefined ? {} : { total };
    onProgress?.({ phase: `verify ${level}`, done, ...expected, unit: 'bytes' });
  };
  for await (const { key, reason } of findUnsound(repository.store, snapshot)) {
    findings.add({ object: key, reason: `it ${reason}`, paths: [] });
  }
  const of = { ...options, findings, onBytes };
  if (level === 'V1') await verifyChecksums({ ...of, walkFrames: false });
  if (level === 'V2') {
    const only = dueToday({ now: repository.host.clock.now(), days: ROTATION_DAYS });
    await verifyTails(of);
    await verifyChecksums({ ...of, only, walkFrames: true });
  }
  if (level === 'V3') await verifyContent(of);
  return findings.report({ level, snapshot: snapshot.id });
}

function expectedBytes(snapshot: Snapshot, level: VerifyLevel): number | undefined {
  if (level !== 'V1') return undefined;
  return [...snapshot.packs, ...snapshot.indexes].reduce((sum, { size }) => sum + size, 0);
}
