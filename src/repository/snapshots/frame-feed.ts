import { FrameBuilder } from '../packs/filled-frame.ts';
import type { PackSink } from '../packs/pack-sink.ts';

/** One row of frames, each filled before the next begins, across files. */
export class FrameFeed {
  readonly #sink: PackSink;
  #builder: FrameBuilder | undefined;

  constructor(sink: PackSink) {
    this.#sink = sink;
  }

  /** A frame with room for at least one unit. */
  builder(unit: number): FrameBuilder {
    if (this.#builder !== undefined && this.#builder.unit !== unit) this.flush();
    this.#builder ??= new FrameBuilder({ unit, raw: this.#sink.buffer(unit) });
    return this.#builder;
  }

  /** After `take`: sends the frame on when it is full. */
  advance(): void {
    if (this.#builder?.full) this.flush();
  }

  flush(): void {
    const builder = this.#builder;
    this.#builder = undefined;
    if (builder !== undefined && builder.units > 0) this.#sink.add(builder.finish());
  }
}
