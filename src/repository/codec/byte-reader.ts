import { HoldfastError } from '../../errors/holdfast-error.ts';

/**
 * Reads what ByteWriter wrote. Every read is checked against the end first: bytes that are cut
 * short, overlong or left over throw OBJECT_CORRUPT naming `object`, and nothing else is thrown.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #object: string;
  #at = 0;

  constructor(bytes: Uint8Array, object: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#object = object;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++] as number;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 1; length <= 8; length += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) {
        if (byte === 0 && length > 1) this.fail('an overlong number');
        if (value > Number.MAX_SAFE_INTEGER) this.fail('a number too large');
        return value;
      }
    }
    return this.fail('a number too long');
  }

  /** A count of items of at least `least` bytes each: never more than the bytes left can hold. */
  count(least: number): number {
    const count = this.varint();
    if (count * least > this.remaining) this.fail('a count beyond the end');
    return count;
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  block(): Buffer {
    return this.bytes(this.varint());
  }

  text(): string {
    return this.block().toString('utf8');
  }

  id(): string {
    return this.bytes(16).toString('hex');
  }

  /** Nothing may follow. */
  end(): void {
    if (this.remaining > 0) this.fail(`${this.remaining} bytes left over`);
  }

  fail(reason: string): never {
    throw new HoldfastError('OBJECT_CORRUPT', { object: this.#object, reason });
  }

  #need(length: number): void {
    if (length > this.remaining) this.fail('the bytes end early');
  }
}
