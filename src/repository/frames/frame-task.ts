import { hash } from 'node:crypto';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { discard } from '../../host/discard.ts';
import { type FrameAddress, openFrame, sealFrame } from './frame-cipher.ts';
import { FRAME_KIND } from './frame-header.ts';
import { hashPages } from './page-hash.ts';

/**
 * What the threads do. The one large buffer of a task is lent: transferred in, and back with the
 * answer in the place of the question. Buffers that one thread made and another freed left the heap
 * in pieces: that took 100 MB more.
 */
export type FrameTask = HashTask | SealTask | OpenTask;
export type FrameResult = HashResult | SealResult | OpenResult | FrameDamage;

/** Only the hashes of the pages: to compare with the parent's before storing anything. */
export interface HashTask {
  readonly task: 'hash';
  readonly buffer: ArrayBuffer;
  readonly length: number;
  readonly pageSize: number;
}
export interface HashResult {
  readonly task: 'hash';
  /** Unchanged. */
  readonly buffer: ArrayBuffer;
  readonly hashes: Uint8Array<ArrayBuffer>;
}

export interface SealTask {
  readonly task: 'seal';
  /** Holds the plaintext; with room for FRAME_OVERHEAD. */
  readonly buffer: ArrayBuffer;
  readonly length: number;
  /** Of a page frame; 1 for a stream. */
  readonly unit: number;
  readonly key: Uint8Array;
  readonly address: FrameAddress;
  /** Open the sealed frame again and compare. */
  readonly check: boolean;
}
export interface SealResult {
  readonly task: 'seal';
  /** Holds the sealed frame. */
  readonly buffer: ArrayBuffer;
  readonly length: number;
  /** See `digestOf`. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** 12 bytes per page; empty for a stream. */
  readonly hashes: Uint8Array<ArrayBuffer>;
}

export interface OpenTask {
  readonly task: 'open';
  /** Holds the sealed frame; with room for the plaintext. */
  readonly buffer: ArrayBuffer;
  readonly sealedLength: number;
  readonly unit: number;
  readonly key: Uint8Array;
  readonly address: FrameAddress;
  /** Of the plaintext. */
  readonly length: number;
  readonly digest: Uint8Array;
  /** Names the object in an error. */
  readonly name: string;
}
export interface OpenResult {
  readonly task: 'open';
  /** Holds the plaintext. */
  readonly buffer: ArrayBuffer;
  readonly hashes: Uint8Array<ArrayBuffer>;
}

/** A damaged frame is an answer, not a failure of the thread. */
export interface FrameDamage {
  readonly task: 'damage';
  readonly reason: string;
}

export function runFrameTask(task: FrameTask): { result: FrameResult; transfer: ArrayBuffer[] } {
  if (task.task === 'seal') return seal(task);
  if (task.task === 'open') return open(task);
  const { buffer, length, pageSize } = task;
  const { hashes } = hashPages(new Uint8Array(buffer, 0, length), pageSize);
  return { result: { task: 'hash', buffer, hashes }, transfer: [buffer, hashes.buffer] };
}

function seal(task: SealTask): { result: FrameResult; transfer: ArrayBuffer[] } {
  const { buffer, length, key, address } = task;
  const plaintext = new Uint8Array(buffer, 0, length);
  const { hashes, digest } = digestOf(plaintext, task);
  const kept = task.check ? Buffer.from(plaintext) : undefined;
  const sealed = sealFrame({ key, address, plaintext, target: Buffer.from(buffer) });
  if (kept !== undefined) {
    const again = openFrame({ key, address, sealed, maxLength: length, name: 'just sealed' });
    if (!again.equals(kept)) throw new Error('a frame opened to other bytes than were sealed');
  }
  return {
    result: { task: 'seal', buffer, length: sealed.length, digest, hashes },
    transfer: [buffer, hashes.buffer],
  };
}

function open(task: OpenTask): { result: FrameResult; transfer: ArrayBuffer[] } {
  const { key, address, name, buffer, length } = task;
  const sealed = new Uint8Array(buffer, 0, task.sealedLength);
  try {
    const opened = openFrame({ key, address, sealed, maxLength: length, name });
    if (opened.length !== length) return damage(`frame ${address.number} has another size`);
    const { hashes, digest } = digestOf(opened, { unit: task.unit, address });
    if (Buffer.compare(digest, task.digest) !== 0) {
      return damage(`frame ${address.number} has another digest than its footer says`);
    }
    new Uint8Array(buffer).set(opened);
    discard(opened);
    return { result: { task: 'open', buffer, hashes }, transfer: [buffer, hashes.buffer] };
  } catch (error) {
    if (!isHoldfastError(error, 'OBJECT_CORRUPT')) throw error;
    return damage(String(error.facts.reason));
  }
}

/** Of a page frame: of its page hashes (page-hash.ts). Of any other: SHA-256 of its plaintext. */
function digestOf(
  plaintext: Uint8Array,
  frame: { unit: number; address: FrameAddress },
): { hashes: Uint8Array<ArrayBuffer>; digest: Uint8Array<ArrayBuffer> } {
  if (frame.address.kind === FRAME_KIND.pages) {
    const { hashes, digest } = hashPages(plaintext, frame.unit);
    return { hashes, digest: Uint8Array.from(digest) };
  }
  const digest = Uint8Array.from(hash('sha256', plaintext, 'buffer'));
  return { hashes: new Uint8Array(0), digest };
}

function damage(reason: string): { result: FrameResult; transfer: ArrayBuffer[] } {
  return { result: { task: 'damage', reason }, transfer: [] };
}
