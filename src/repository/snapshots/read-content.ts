import { HoldfastError } from '../../errors/holdfast-error.ts';
import type { FramePool } from '../frames/frame-pool.ts';
import { PAGE_HASH_BYTES } from '../frames/page-hash.ts';
import type { BufferPool } from '../packs/buffer-pool.ts';
import type { ByteBudget } from '../packs/byte-budget.ts';
import { openPack, readFrames, settleAll } from '../packs/pack-reader.ts';
import { packKey } from '../packs/pack-trailer.ts';
import type { Repository } from '../repository.ts';
import { isDamage } from './damage.ts';
import { type FileEntry, unitOf } from './file-entry.ts';
import { assertHolds, type Piece, type RestorePlan } from './restore-plan.ts';
import type { Snapshot } from './snapshot.ts';

export interface ReadPiece {
  readonly file: FileEntry;
  /** First unit in the file. */
  readonly start: number;
  /** Whole units, also beyond the size of the file in its last page. Valid until the promise of
   * `onPiece` resolved. */
  readonly bytes: Buffer;
  /** 12 bytes per page; empty for a stream. */
  readonly hashes: Uint8Array;
}

export interface ReadContentOptions {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly plan: RestorePlan;
  readonly pool: FramePool;
  readonly budget: ByteBudget;
  readonly buffers: BufferPool;
  readonly onPiece: (piece: ReadPiece) => Promise<void> | void;
  /** What cannot be read in a pack; without it the first problem is thrown. */
  readonly onDamage?: (damage: { pack: string; error: HoldfastError }) => void;
}

const PACKS_AT_ONCE = 2;

/** Reads everything the plan wants, in the order of packs; pieces come in any order. */
export async function readContent(options: ReadContentOptions): Promise<void> {
  const { snapshot, plan, onDamage } = options;
  const references = new Map(snapshot.packs.map((pack) => [pack.id, pack]));
  const queue = [...plan.packs];
  let stop = false;
  const lane = async () => {
    for (let id = queue.shift(); id !== undefined && !stop; id = queue.shift()) {
      try {
        const pack = references.get(id);
        if (pack === undefined) throw unnamed(id);
        await readPack({ ...options, pack });
      } catch (error) {
        if (onDamage !== undefined && isDamage(error)) onDamage({ pack: id, error });
        else {
          stop = true;
          throw error;
        }
      }
    }
  };
  await settleAll(Array.from({ length: PACKS_AT_ONCE }, lane));
}

async function readPack(
  options: ReadContentOptions & { pack: Snapshot['packs'][number] },
): Promise<void> {
  const { repository, pool, budget, buffers, plan, onPiece } = options;
  const pack = await openPack(options);
  const frames = plan.frames(pack.reference.id);
  const numbers = [...frames.keys()].sort((a, b) => a - b);
  await readFrames({
    repository,
    pool,
    budget,
    buffers,
    pack,
    numbers,
    onFrame: async (read) => {
      for (const piece of frames.get(read.number) as Piece[]) {
        assertHolds(pack, read, piece);
        const { file, start, count, position } = piece;
        const unit = unitOf(file.shape);
        const bytes = read.raw.subarray(position * unit, (position + count) * unit);
        const perPage = read.hashes.length === 0 ? 0 : PAGE_HASH_BYTES;
        const hashes = read.hashes.subarray(position * perPage, (position + count) * perPage);
        await onPiece({ file, start, bytes, hashes });
      }
    },
  });
}

function unnamed(pack: string): HoldfastError {
  const reason = 'a map reads from it, but the commit does not name it';
  return new HoldfastError('OBJECT_CORRUPT', { object: packKey(pack), reason });
}
