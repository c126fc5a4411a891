/**
 * The repository's binary notation:
 *
 *   varint   unsigned LEB128, shortest form, at most 2^53 − 1
 *   text     varint byte length, then UTF-8
 *   id       16 bytes
 *
 * Fixed-width integers are little-endian.
 */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(128);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a varint: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** The length as a varint, then the bytes. */
  block(value: Uint8Array): this {
    return this.varint(value.length).bytes(value);
  }

  text(value: string): this {
    return this.block(Buffer.from(value, 'utf8'));
  }

  /** 32 lower-case hex digits as 16 bytes. */
  id(value: string): this {
    return this.bytes(Buffer.from(value, 'hex'));
  }

  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
