import type { FileUnits } from './file-units.ts';
import type { FrameFeed } from './frame-feed.ts';
import type { Intake } from './intake.ts';

/** Bytes in order, copied once into frames that may hold several files. */
export class StreamIntake implements Intake {
  readonly #units: FileUnits;
  readonly #feed: FrameFeed;
  #at = 0;

  constructor(options: { units: FileUnits; feed: FrameFeed }) {
    this.#units = options.units;
    this.#feed = options.feed;
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const frame = this.#feed.builder(1);
      const count = Math.min(bytes.length - from, frame.capacity - frame.units);
      frame.bytes.set(bytes.subarray(from, from + count), frame.offset);
      frame.take(this.#units, this.#at, count);
      this.#units.expect(count);
      this.#feed.advance();
      this.#at += count;
      from += count;
    }
  }

  end(): undefined {
    this.#units.close();
  }
}

/** Keeps a small file until it is known whether the parent has the same one. */
export class BufferedIntake implements Intake {
  readonly #buffer: Buffer;
  readonly #decide: (content: Buffer) => void;
  #length = 0;

  constructor(options: { size: number; decide: (content: Buffer) => void }) {
    this.#buffer = Buffer.allocUnsafe(options.size);
    this.#decide = options.decide;
  }

  write(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  end(): undefined {
    this.#decide(this.#buffer.subarray(0, this.#length));
  }
}
