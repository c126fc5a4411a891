import type { Host } from '../../../host/host.ts';

/** Reads a growing log: each call answers the whole lines written since the last one. */
export class LogReader {
  readonly #host: Host;
  readonly #path: string;
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(options: { readonly host: Host; readonly path: string; readonly offset: number }) {
    this.#host = options.host;
    this.#path = options.path;
    this.#offset = options.offset;
  }

  async lines(): Promise<string[]> {
    const file = await this.#host.fs.promises.open(this.#path, 'r');
    try {
      const { size } = await file.stat();
      const fresh = Buffer.alloc(Math.max(0, size - this.#offset));
      const { bytesRead } = await file.read(fresh, 0, fresh.length, this.#offset);
      this.#offset += bytesRead;
      const bytes = Buffer.concat([this.#rest, fresh.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(0x0a) + 1;
      this.#rest = bytes.subarray(end);
      return end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n');
    } finally {
      await file.close();
    }
  }
}
