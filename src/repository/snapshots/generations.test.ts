import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../test/doubles/host.ts';
import {
  assertSameFiles,
  captureFile,
  type MemoryFile,
  restoreToMemory,
} from '../../../test/repository/memory-files.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { soak } from '../../../test/support/soak.ts';
import type { Basis, Shape } from '../../content/capture-sink.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { beginSnapshot } from './snapshot-writer.ts';
import { verifySnapshot } from './verify-snapshot.ts';

/** Small pages: frames of many of them, and files of several frames, at little cost. */
const PAGE = 512;
const PAGED: Shape = { kind: 'paged', pageSize: PAGE };
const STREAM: Shape = { kind: 'stream' };
const lineage = 'ab'.repeat(16);

interface Change {
  readonly file: MemoryFile;
  readonly basis: Basis;
  readonly content: Buffer;
}

/** A database of a few files that lives: pages written, zeroed, truncated, extended, dropped. */
class Life {
  readonly files = new Map<string, MemoryFile>();
  readonly #bytes: (length: number) => Buffer;

  constructor(seed: string) {
    this.#bytes = seededRandom(seed).bytes;
  }

  /** The next state of every file, and what is captured of it. */
  next(): Map<string, Change> {
    const changes = new Map<string, Change>();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const before = this.files.get(name);
      if (this.#below(8) === 0) {
        this.files.delete(name);
        continue;
      }
      const change = this.#change(before);
      this.files.set(name, change.file);
      changes.set(name, change);
    }
    return changes;
  }

  #change(before: MemoryFile | undefined): Change {
    if (before === undefined || this.#below(12) === 0) {
      const shape = this.#below(4) === 0 ? STREAM : PAGED;
      const pages = this.#below(700);
      const ragged = this.#below(4) === 0 ? this.#below(PAGE) : 0;
      return whole(shape, this.#bytes(pages * PAGE + ragged));
    }
    if (before.shape === STREAM || this.#below(3) === 0) {
      const bytes = Buffer.from(before.bytes);
      if (this.#below(2) === 0) this.#bytes(1).copy(bytes, this.#below(bytes.length + 1));
      return whole(before.shape, bytes);
    }
    return this.#pages(before);
  }

  /** Truncated to a limit, then extended, with pages written in runs and alone. */
  #pages(before: MemoryFile): Change {
    const held = Math.ceil(before.bytes.length / PAGE);
    const limit = this.#below(3) === 0 ? this.#below(held + 20) : held;
    const pages = this.#below(3) === 0 ? limit + this.#below(60) : limit;
    const bytes = Buffer.alloc(pages * PAGE);
    before.bytes.copy(bytes, 0, 0, Math.min(limit, pages) * PAGE);
    const written = new Set<number>();
    for (let runs = this.#below(12); runs > 0 && pages > 0; runs -= 1) {
      const from = this.#below(pages);
      for (let page = from; page < Math.min(pages, from + 1 + this.#below(9)); page += 1) {
        written.add(page);
        const kind = this.#below(5);
        if (kind === 0) bytes.fill(0, page * PAGE, (page + 1) * PAGE);
        // Otherwise new content, or the page is named and has not changed.
        else if (kind < 4) this.#bytes(PAGE).copy(bytes, page * PAGE);
      }
    }
    const named = Uint32Array.from([...written].sort((a, b) => a - b));
    const content = Buffer.concat(
      [...named].map((page) => bytes.subarray(page * PAGE, (page + 1) * PAGE)),
    );
    const basis: Basis = { kind: 'pages', pages: named, limit };
    return { file: { shape: PAGED, bytes }, basis, content };
  }

  #below(limit: number): number {
    return this.#bytes(4).readUInt32LE() % limit;
  }
}

function whole(shape: Shape, bytes: Buffer): Change {
  return { file: { shape, bytes }, basis: { kind: 'whole' }, content: bytes };
}

const SEEDS = soak(200, 3);

for (let nth = 1; nth <= SEEDS; nth += 1) {
  const seed = `generations ${nth}`;
  test(`every generation restores and verifies, whatever happened to the files (seed ${seed})`, async () => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    const life = new Life(seed);
    const alive = new Map<Snapshot, Map<string, Buffer>>();
    let parent: Snapshot | undefined;
    for (let generation = 0; generation < 10; generation += 1) {
      const against = parent === undefined ? {} : { parent };
      const begin = { repository, lineage, generation: 1, workers: 1, packTarget: 150_000 };
      await using writer = await beginSnapshot({ ...begin, ...against });
      for (const [path, { file, basis, content }] of life.next()) {
        await captureFile(writer, { path, ...file, basis, content });
      }
      parent = await writer.commit({ engine: null });
      const state = [...life.files].map(([path, { bytes }]) => [path, bytes] as const);
      alive.set(parent, new Map(state));
      if (generation % 4 === 3) {
        const [victim] = [...alive.keys()].slice(1);
        await deleteSnapshot({ repository, snapshot: victim as Snapshot });
        alive.delete(victim as Snapshot);
      }
      assertSameFiles(await restoreToMemory(repository, parent), new Map(state));
    }
    for (const [snapshot, files] of alive) {
      const report = await verifySnapshot({ repository, snapshot, level: 'V3', workers: 1 });
      assert.deepEqual(report.problems, []);
      const restored = await restoreToMemory(repository, snapshot);
      assertSameFiles(restored, files);
    }
  });
}
