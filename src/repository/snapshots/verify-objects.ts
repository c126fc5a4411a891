import { hash } from 'node:crypto';
import { HoldfastError } from '../../errors/holdfast-error.ts';
import { HEADER_BYTES, readFrameHeader } from '../frames/frame-header.ts';
import { readPackTail } from '../packs/pack-reader.ts';
import { packKey } from '../packs/pack-trailer.ts';
import type { Repository } from '../repository.ts';
import { indexKey } from './blob.ts';
import { isDamage } from './damage.ts';
import type { Snapshot } from './snapshot.ts';
import type { Findings } from './verify-report.ts';

interface Options {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly findings: Findings;
  readonly onBytes: (bytes: number) => void;
}

/** Reads objects whole and compares their SHA-256; walks the frames of packs if asked. */
export async function verifyChecksums(
  options: Options & { only?: (id: string) => boolean; walkFrames: boolean },
): Promise<void> {
  const { repository, snapshot, findings, onBytes, only, walkFrames } = options;
  const packs = snapshot.packs.map((pack) => ({
    ...pack,
    key: packKey(pack.id),
    walk: walkFrames,
  }));
  const indexes = snapshot.indexes.map((index) => {
    return { ...index, key: indexKey(index.id), walk: walkFrames };
  });
  for (const object of [...packs, ...indexes]) {
    if (only !== undefined && !only(object.id)) continue;
    try {
      const bytes = await repository.store.get(object.key);
      findings.objectsRead += 1;
      findings.bytesRead += bytes.length;
      onBytes(bytes.length);
      if (object.walk) assertFrames(bytes, object.key);
      if (hash('sha256', bytes, 'hex') === object.sha256) continue;
      const reason = 'its SHA-256 is not the one its commit names';
      findings.add({ object: object.key, reason, paths: [] });
    } catch (error) {
      if (!isDamage(error)) throw error;
      findings.addDamage(error);
    }
  }
}

/** Trailer and footer of every pack are the ones the commit names. */
export async function verifyTails(options: Options): Promise<void> {
  const { repository, snapshot, findings } = options;
  for (const pack of snapshot.packs) {
    try {
      const { footer } = await readPackTail({ repository, pack });
      findings.bytesRead += footer.length;
    } catch (error) {
      if (!isDamage(error)) throw error;
      findings.addDamage(error);
    }
  }
}

/**
 * An object's turn comes once in `days`, on its own day: no record of what was checked when has to
 * be kept, and every object is read about equally often.
 */
export function dueToday(options: { now: number; days: number }): (id: string) => boolean {
  const day = Math.floor(options.now / 86_400_000) % options.days;
  return (id) => Number.parseInt(id.slice(0, 8), 16) % options.days === day;
}

/** Frames follow each other from the first byte on, numbered from 0, without a key. */
function assertFrames(bytes: Buffer, object: string): void {
  const damaged = (reason: string) => new HoldfastError('OBJECT_CORRUPT', { object, reason });
  let at = 0;
  for (let number = 0; at < bytes.length; number += 1) {
    const header = readFrameHeader(bytes, at);
    if (header === undefined) {
      // The trailer of a pack; everything else must be a frame.
      if (object.startsWith('packs/') && bytes.toString('latin1', at, at + 4) === 'HFPT') return;
      throw damaged(`no frame ${number} at byte ${at}`);
    }
    if (header.number !== number) throw damaged(`frame ${header.number} in the place of ${number}`);
    at += HEADER_BYTES + header.length;
  }
  if (at !== bytes.length) throw damaged('its last frame ends early');
}
