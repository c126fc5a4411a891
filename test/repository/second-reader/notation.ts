/**
 * A second implementation of docs/design/02-repository.md, reading only, and small: one function
 * after the other as the page has it. It shares no line with src/, so that the page is the format
 * and not the program. Everything is checked that a reader must check; errors are plain.
 */
import { createDecipheriv, hkdfSync } from 'node:crypto';

export type Objects = Readonly<Record<string, Buffer>>;
export type Value = null | boolean | number | string | Value[] | { [name: string]: Value };
// biome-ignore lint/suspicious/noExplicitAny: parsed JSON, checked by its signature
export type Parsed = any;

export const hex = (text: string) => Buffer.from(text, 'hex');
export const b64 = (text: string) => Buffer.from(text, 'base64');
export const hkdf = (key: Buffer, salt: Buffer | string, info: string) =>
  Buffer.from(hkdfSync('sha256', key, salt, info, 32));

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`second reader: ${what}`);
}

export function gcm(options: { key: Buffer; nonce: Buffer; aad: Buffer; sealed: Buffer }): Buffer {
  const { key, nonce, aad, sealed } = options;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

export function canonical(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort();
  const members = names.map((name) => `${JSON.stringify(name)}:${canonical(value[name] as Value)}`);
  return `{${members.join(',')}}`;
}

export class Cursor {
  readonly bytes: Buffer;
  at = 0;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  take(count: number): Buffer {
    check(this.at + count <= this.bytes.length, 'bytes end early');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.take(1)[0] as number;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }
  id = () => this.take(16).toString('hex');
  block = () => this.take(this.varint());
  text = () => this.block().toString();
  many<T>(read: () => T): T[] {
    return Array.from({ length: this.varint() }, read);
  }
}
