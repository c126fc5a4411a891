import { hash } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { discard } from '../../host/discard.ts';
import { openFrame } from '../frames/frame-cipher.ts';
import { FRAME_KIND } from '../frames/frame-header.ts';
import type { FramePool } from '../frames/frame-pool.ts';
import type { Repository } from '../repository.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { ByteBudget } from './byte-budget.ts';
import { frameBufferBytes } from './filled-frame.ts';
import type { PackReference } from './open-pack.ts';
import { decodeFooter, type FooterFrame } from './pack-footer.ts';
import {
  decodeTrailer,
  type PackTrailer,
  packKey,
  sealedKeyBinding,
  TRAILER_BYTES,
} from './pack-trailer.ts';
import { planRanges } from './read-ranges.ts';

/** Holds the footer of nearly every pack. */
const TAIL_GUESS_BYTES = 64 * 1024;
const FOOTER_LIMIT_BYTES = 256 * 1024 * 1024;

/** A pack whose tail was proven to be the one the commit names. */
export interface OpenedPack {
  readonly reference: PackReference;
  readonly key: Buffer;
  readonly frames: readonly FooterFrame[];
}

export interface PackTail {
  readonly trailer: PackTrailer;
  /** The sealed footer. */
  readonly footer: Buffer;
}

/**
 * Reads footer and trailer, which needs no key. STORE_ABSENT when the pack is gone,
 * OBJECT_CORRUPT when its tail is not the one the commit names.
 */
export async function readPackTail(options: {
  repository: Repository;
  pack: PackReference;
}): Promise<PackTail> {
  const { repository, pack } = options;
  const object = packKey(pack.id);
  const damaged = (reason: string) => new HoldfastError('OBJECT_CORRUPT', { object, reason });
  const from = (start: number) =>
    repository.store.get(object, { start: Math.max(0, start), end: pack.size + 1 });

  let bytes = await from(pack.size - TAIL_GUESS_BYTES);
  if (bytes.length !== Math.min(pack.size, TAIL_GUESS_BYTES)) throw damaged('it has another size');
  const trailer = decodeTrailer({
    bytes,
    repository: repository.id,
    pack: pack.id,
    size: pack.size,
  });
  const length = trailer.footerLength + TRAILER_BYTES;
  if (length > bytes.length) {
    bytes = await from(pack.size - length);
    if (bytes.length !== length) throw damaged('it has another size');
  }
  const tail = bytes.subarray(-length);
  if (hash('sha256', tail, 'hex') !== pack.tail) throw damaged('its footer or trailer is altered');
  return { trailer, footer: tail.subarray(0, trailer.footerLength) };
}

/** Opens a pack for reading frames. KEY_WRITE_ONLY with the keys of a writer. */
export async function openPack(options: {
  repository: Repository;
  pack: PackReference;
}): Promise<OpenedPack> {
  const { repository, pack } = options;
  const object = packKey(pack.id);
  const { trailer, footer } = await readPackTail(options);
  let key: Buffer;
  try {
    key = repository.keys.openPackKey(trailer.sealedKey, sealedKeyBinding(trailer));
  } catch (error) {
    if (!isHoldfastError(error, 'KEY_SEAL_CORRUPT')) throw error;
    const reason = 'its key does not open with the keys of this repository';
    throw new HoldfastError('OBJECT_CORRUPT', { object, reason }, { cause: error });
  }
  const number = trailer.frameCount;
  const address = {
    repository: repository.id,
    object: pack.id,
    number,
    kind: FRAME_KIND.footer,
  };
  const bytes = openFrame({
    key,
    address,
    sealed: footer,
    maxLength: FOOTER_LIMIT_BYTES,
    name: object,
  });
  const frames = decodeFooter({ bytes, object, footerOffset: trailer.footerOffset });
  if (frames.length !== number) {
    throw new HoldfastError('OBJECT_CORRUPT', { object, reason: 'its footer misses frames' });
  }
  return { reference: pack, key, frames };
}

export interface ReadFrame {
  readonly number: number;
  readonly frame: FooterFrame;
  /** Lent until the promise of `onFrame` resolved. */
  readonly raw: Buffer;
  /** 12 bytes per page; empty for a stream. */
  readonly hashes: Uint8Array;
}

/**
 * Fetches and opens frames, ascending numbers, and hands each over in any order. `budget` bounds
 * the bytes in memory; those of a frame are given back when its `onFrame` resolved.
 */
export async function readFrames(options: {
  repository: Repository;
  pool: FramePool;
  budget: ByteBudget;
  buffers: BufferPool;
  pack: OpenedPack;
  numbers: readonly number[];
  onFrame: (frame: ReadFrame) => Promise<void> | void;
}): Promise<void> {
  const { repository, pool, budget, buffers, pack, numbers, onFrame } = options;
  const name = packKey(pack.reference.id);
  const damaged = (reason: string) => new HoldfastError('OBJECT_CORRUPT', { object: name, reason });
  const wanted = numbers.map((number) => {
    const frame = pack.frames[number];
    if (frame === undefined) throw damaged(`a map asks for its frame ${number}`);
    return { number, frame, offset: frame.offset, length: frame.length };
  });

  const open = async (part: { number: number; frame: FooterFrame }, bytes: Buffer) => {
    const { number, frame } = part;
    const { kind, unit, units, digest } = frame;
    const length = units * unit;
    const room = frameBufferBytes(unit);
    if (Math.max(length, bytes.length) > room) throw damaged(`its frame ${number} is too long`);
    await budget.take(room);
    try {
      const lent = buffers.take(room);
      new Uint8Array(lent).set(bytes);
      const { buffer, hashes } = await pool.open({
        task: 'open',
        buffer: lent,
        sealedLength: bytes.length,
        unit,
        key: Uint8Array.from(pack.key),
        address: { repository: repository.id, object: pack.reference.id, number, kind },
        length,
        digest,
        name,
      });
      await onFrame({ number, frame, raw: Buffer.from(buffer, 0, length), hashes });
      buffers.give(buffer);
    } finally {
      budget.release(room);
    }
  };

  for (const range of planRanges(wanted)) {
    await budget.take(range.end - range.start);
    const opening: Promise<void>[] = [];
    let bytes: Buffer;
    try {
      bytes = await repository.store.get(name, range);
      if (bytes.length !== range.end - range.start) throw damaged('it ends early');
      for (const part of range.parts) {
        const at = part.offset - range.start;
        opening.push(open(part, bytes.subarray(at, at + part.length)));
      }
    } finally {
      budget.release(range.end - range.start);
    }
    await settleAll(opening);
    discard(bytes);
  }
}

/** Waits for all, so that nothing runs on after a failure; then throws the first. */
export async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
