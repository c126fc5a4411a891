import { hash } from 'node:crypto';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { type FrameAddress, openFrame, sealFrame } from './frame-cipher.ts';
import { FRAME_KIND } from './frame-header.ts';
import { hashPages } from './page-hash.ts';

/**
 * What the threads do. `raw` buffers are transferred in and out, so that nothing is copied and a
 * buffer can be used again.
 */
export type FrameTask = HashTask | SealTask | OpenTask;
export type FrameResult = HashResult | SealResult | OpenResult | FrameDamage;

/** Only the hashes of the pages: to compare with the parent's before storing anything. */
export interface HashTask {
  readonly task: 'hash';
  readonly raw: ArrayBuffer;
  readonly length: number;
  readonly pageSize: number;
}
export interface HashResult {
  readonly task: 'hash';
  readonly raw: ArrayBuffer;
  readonly hashes: Uint8Array<ArrayBuffer>;
}

export interface SealTask {
  readonly task: 'seal';
  readonly raw: ArrayBuffer;
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
  readonly raw: ArrayBuffer;
  readonly sealed: ArrayBuffer;
  /** See `digestOf`. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** 12 bytes per page; empty for a stream. */
  readonly hashes: Uint8Array<ArrayBuffer>;
}

export interface OpenTask {
  readonly task: 'open';
  readonly sealed: ArrayBuffer;
  readonly unit: number;
  readonly key: Uint8Array;
  readonly address: FrameAddress;
  readonly length: number;
  readonly digest: Uint8Array;
  /** Names the object in an error. */
  readonly name: string;
}
export interface OpenResult {
  readonly task: 'open';
  readonly raw: ArrayBuffer;
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
  const { hashes } = hashPages(new Uint8Array(task.raw, 0, task.length), task.pageSize);
  return {
    result: { task: 'hash', raw: task.raw, hashes },
    transfer: [task.raw, hashes.buffer],
  };
}

function seal(task: SealTask): { result: FrameResult; transfer: ArrayBuffer[] } {
  const { raw, key, address } = task;
  const plaintext = new Uint8Array(raw, 0, task.length);
  const { hashes, digest } = digestOf(plaintext, task);
  const sealed = sealFrame({ key, address, plaintext });
  if (task.check) {
    const again = openFrame({ key, address, sealed, maxLength: task.length, name: 'just sealed' });
    if (!again.equals(plaintext)) throw new Error('a frame opened to other bytes than were sealed');
  }
  return {
    result: { task: 'seal', raw, sealed: sealed.buffer, digest, hashes },
    transfer: [raw, sealed.buffer, hashes.buffer],
  };
}

function open(task: OpenTask): { result: FrameResult; transfer: ArrayBuffer[] } {
  const { key, address, name } = task;
  const sealed = new Uint8Array(task.sealed);
  try {
    const opened = openFrame({ key, address, sealed, maxLength: task.length, name });
    if (opened.length !== task.length) return damage(`frame ${address.number} has another size`);
    const { hashes, digest } = digestOf(opened, { unit: task.unit, address });
    if (Buffer.compare(digest, task.digest) !== 0) {
      return damage(`frame ${address.number} has another digest than its footer says`);
    }
    const raw = ownBuffer(opened);
    return { result: { task: 'open', raw, hashes }, transfer: [raw, hashes.buffer] };
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

/** An ArrayBuffer of exactly these bytes; the same one when the view already is all of it. */
function ownBuffer(view: Buffer): ArrayBuffer {
  const { buffer, byteLength } = view;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return buffer;
  return Uint8Array.from(view).buffer;
}
