import type { FileUnits } from './file-units.ts';
import type { FrameFeed } from './frame-feed.ts';
import { type Intake, isZero } from './intake.ts';

/** Every page is stored, except pages of zeroes. For a file that the parent does not have. */
export class PageIntake implements Intake {
  readonly #units: FileUnits;
  readonly #feed: FrameFeed;
  readonly #pageSize: number;
  #page = 0;
  /** Bytes of the current page that are in the frame already. */
  #filled = 0;

  constructor(options: { units: FileUnits; feed: FrameFeed; pageSize: number }) {
    this.#units = options.units;
    this.#feed = options.feed;
    this.#pageSize = options.pageSize;
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const frame = this.#feed.builder(this.#pageSize);
      const count = Math.min(bytes.length - from, this.#pageSize - this.#filled);
      frame.bytes.set(bytes.subarray(from, from + count), frame.offset + this.#filled);
      this.#filled += count;
      from += count;
      if (this.#filled === this.#pageSize) this.#take();
    }
  }

  end(): undefined {
    if (this.#filled > 0) {
      const frame = this.#feed.builder(this.#pageSize);
      frame.bytes.fill(0, frame.offset + this.#filled, frame.offset + this.#pageSize);
      this.#take();
    }
    this.#units.close();
  }

  #take(): void {
    const frame = this.#feed.builder(this.#pageSize);
    const page = frame.bytes.subarray(frame.offset, frame.offset + this.#pageSize);
    if (isZero(page)) {
      this.#units.zero(this.#page);
    } else {
      frame.take(this.#units, this.#page, 1);
      this.#units.expect(1);
      this.#feed.advance();
    }
    this.#page += 1;
    this.#filled = 0;
  }
}
