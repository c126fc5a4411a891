import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { failNthOf, faultyStore } from '../../../test/doubles/faulty-store.ts';
import { temporaryRepository } from '../../../test/repository/temporary-repository.ts';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import type { Store } from '../../store/store.ts';
import { findFrames } from '../frames/frame-header.ts';
import { FramePool } from '../frames/frame-pool.ts';
import type { Extent } from '../maps/extent-map.ts';
import type { Repository } from '../repository.ts';
import { BufferPool } from './buffer-pool.ts';
import { ByteBudget } from './byte-budget.ts';
import { FrameBuilder, type FrameOwner, frameUnits } from './filled-frame.ts';
import type { PackReference } from './open-pack.ts';
import { frameHolds } from './pack-footer.ts';
import { openPack, readFrames, readPackTail } from './pack-reader.ts';
import { PackSink } from './pack-sink.ts';
import { packKey, TRAILER_BYTES } from './pack-trailer.ts';
import { planRanges } from './read-ranges.ts';

const PAGE = 8192;

class Owner implements FrameOwner {
  readonly path: string;
  readonly extents: Extent[] = [];
  hashed = 0;
  constructor(name: string) {
    this.path = name;
  }
  placed(run: { start: number; count: number; at: { pack: string; position: number } }): void {
    this.extents.push(run);
  }
  sealed(_run: { start: number; count: number }, hashes: Uint8Array): void {
    this.hashed += hashes.length / 12;
  }
}

/** Stores `pages` pages of two files, alternating in runs of five. */
async function store(options: {
  repository: Repository;
  pool: FramePool;
  pages: number;
  target?: number;
  guard?: () => void;
}) {
  const { pages, repository, pool, target, guard = () => undefined } = options;
  const sink = new PackSink({ repository, pool, guard, ...(target ? { target } : {}) });
  const owners = [new Owner('base/5/1'), new Owner('base/5/2')] as const;
  const content = randomBytes(pages * PAGE);
  let builder = new FrameBuilder({ unit: PAGE, raw: sink.buffer(PAGE) });
  for (let page = 0; page < pages; page += 1) {
    await sink.pressure();
    builder.bytes.set(content.subarray(page * PAGE, (page + 1) * PAGE), builder.offset);
    builder.take(owners[Math.floor(page / 5) % 2 === 0 ? 0 : 1], page, 1);
    if (builder.full || page === pages - 1) {
      sink.add(builder.finish());
      builder = new FrameBuilder({ unit: PAGE, raw: sink.buffer(PAGE) });
    }
  }
  return { packs: await sink.finish(), owners, content };
}

async function readAll(repository: Repository, pool: FramePool, pack: PackReference) {
  const opened = await openPack({ repository, pack });
  const frames: Buffer[] = [];
  await readFrames({
    repository,
    pool,
    budget: new ByteBudget(1 << 20),
    buffers: new BufferPool({ keepBytes: 1 << 20 }),
    pack: opened,
    numbers: opened.frames.map((_, number) => number),
    onFrame: ({ number, raw }) => {
      frames[number] = Buffer.from(raw);
    },
  });
  return { opened, frames };
}

test('what goes into packs comes out of them, in several packs with few threads', async () => {
  await using temporary = await temporaryRepository();
  await using pool = new FramePool({ workers: 2 });
  const { repository } = temporary;
  const { packs, owners, content } = await store({ repository, pool, pages: 400, target: 1 << 20 });
  assert.ok(packs.length >= 3, `${packs.length} packs`);
  assert.equal(owners[0].hashed + owners[1].hashed, 400);

  for (const pack of packs) {
    const { opened, frames } = await readAll(repository, pool, pack);
    for (const owner of owners) {
      for (const { start, count, at } of owner.extents) {
        if (at === null || at.pack !== pack.id) continue;
        const units = frameUnits(PAGE);
        const number = Math.floor(at.position / units);
        const position = at.position % units;
        const found = frames[number]?.subarray(position * PAGE, (position + count) * PAGE);
        assert.deepEqual(found, content.subarray(start * PAGE, (start + count) * PAGE));
        const frame = opened.frames[number];
        assert.ok(frame !== undefined);
        const wanted = { path: owner.path, start, count, position };
        assert.ok(frameHolds(frame, wanted));
        assert.ok(!frameHolds(frame, { ...wanted, path: 'base/5/3' }), 'another file');
        assert.ok(!frameHolds(frame, { ...wanted, start: start + 1 }), 'another page');
        assert.ok(!frameHolds(frame, { ...wanted, count: 17 }), 'beyond the frame');
      }
    }
  }
});

test('the memory of a range is given back before the next range is asked for', async () => {
  await using temporary = await temporaryRepository();
  await using pool = new FramePool({ workers: 1 });
  const { repository } = temporary;
  const { packs } = await store({ repository, pool, pages: 3000 });
  const got: ArrayBufferLike[] = [];
  const get: Store['get'] = async (key, range) => {
    for (const memory of got) assert.equal(memory.byteLength, 0);
    const bytes = await repository.store.get(key, range);
    if (bytes.length > 1 << 20) got.push(bytes.buffer);
    return bytes;
  };
  const [pack] = packs as [PackReference];
  await readAll({ ...repository, store: Object.assign({}, repository.store, { get }) }, pool, pack);
  assert.ok(got.length > 2, `${got.length} ranges`);
});

test('a flipped bit in any region of a pack is corrupt and names the pack', async () => {
  await using temporary = await temporaryRepository();
  await using pool = new FramePool({ workers: 1 });
  const { repository, root } = temporary;
  const { packs } = await store({ repository, pool, pages: 40 });
  const pack = packs[0] as PackReference;
  const file = path.join(root, packKey(pack.id));
  const good = await fs.readFile(file);
  const { trailer } = await readPackTail({ repository, pack });
  const second = [...findFrames(good)][1]?.offset ?? 0;
  const regions: [string, number[]][] = [
    ['first header', [0, 4, 8, 12, 13, 14]],
    ['second header', [second, second + 5, second + 9, second + 15]],
    ['ciphertext', [16, 5000, second + 16]],
    ['tag', [second - 1, second - 16, trailer.footerOffset - 1]],
    ['footer', [0, 4, 16, 20, trailer.footerLength - 1].map((at) => trailer.footerOffset + at)],
    ['trailer', Array.from({ length: TRAILER_BYTES }, (_, at) => good.length - TRAILER_BYTES + at)],
  ];
  for (const [region, offsets] of regions) {
    for (const offset of offsets) {
      const bad = Buffer.from(good);
      bad[offset] = (bad[offset] as number) ^ 0x10;
      await fs.writeFile(file, bad);
      await assert.rejects(
        readAll(repository, pool, pack),
        (error) =>
          isHoldfastError(error, 'OBJECT_CORRUPT') && error.facts.object === packKey(pack.id),
        `${region} at ${offset}`,
      );
    }
  }
  for (const size of [0, 100, trailer.footerOffset, good.length - 1]) {
    await fs.writeFile(file, good.subarray(0, size));
    await assert.rejects(readAll(repository, pool, pack), (error) =>
      isHoldfastError(error, 'OBJECT_CORRUPT'),
    );
  }
  await fs.rm(file);
  await assert.rejects(readAll(repository, pool, pack), (error) =>
    isHoldfastError(error, 'STORE_ABSENT'),
  );
});

test('a pack of another repository or under another name is refused', async () => {
  await using temporary = await temporaryRepository();
  await using other = await temporaryRepository();
  await using pool = new FramePool({ workers: 1 });
  const { repository, root } = temporary;
  const { packs } = await store({ repository, pool, pages: 3 });
  const second = await store({ repository, pool, pages: 3 });
  const foreign = await store({ repository: other.repository, pool, pages: 3 });
  const pack = packs[0] as PackReference;
  for (const [from, { id }] of [
    [root, second.packs[0] as PackReference],
    [other.root, foreign.packs[0] as PackReference],
  ] as const) {
    await fs.copyFile(path.join(from, packKey(id)), path.join(root, packKey(pack.id)));
    await assert.rejects(openPack({ repository, pack }), (error) =>
      isHoldfastError(error, 'OBJECT_CORRUPT'),
    );
  }
});

test('a pack does not open with the keys of another repository', async () => {
  await using temporary = await temporaryRepository();
  await using other = await temporaryRepository();
  await using pool = new FramePool({ workers: 1 });
  const { repository } = temporary;
  const { packs } = await store({ repository, pool, pages: 3 });
  const pack = packs[0] as PackReference;
  const wrong = { ...repository, keys: other.repository.keys };
  await assert.rejects(
    openPack({ repository: wrong, pack }),
    (error) => isHoldfastError(error, 'OBJECT_CORRUPT') && /key/.test(error.message),
  );
});

test('a pack forged under the same name with the public key is refused', async () => {
  await using temporary = await temporaryRepository();
  await using pool = new FramePool({ workers: 1 });
  const { repository } = temporary;
  const { packs } = await store({ repository, pool, pages: 3 });
  const pack = packs[0] as PackReference;
  await repository.store.remove(packKey(pack.id));
  // The forger chooses the id, and everything else is as holdfast would make it.
  let drawn = 0;
  const { random } = repository.host;
  const bytes = (length: number) =>
    drawn++ === 0 ? Buffer.from(pack.id, 'hex') : random.bytes(length);
  const host = { ...repository.host, random: { bytes } };
  const forged = await store({ repository: { ...repository, host }, pool, pages: 3 });
  assert.equal(forged.packs[0]?.id, pack.id);
  assert.equal(forged.packs[0]?.size, pack.size);
  await openPack({ repository, pack: forged.packs[0] as PackReference });
  await assert.rejects(openPack({ repository, pack }), (error) =>
    isHoldfastError(error, 'OBJECT_CORRUPT'),
  );
});

test('a writer cannot open what it wrote', async () => {
  await using temporary = await temporaryRepository();
  await using pool = new FramePool({ workers: 1 });
  const repository = await temporary.through({ role: 'writer' });
  const { packs } = await store({ repository, pool, pages: 3 });
  const pack = packs[0] as PackReference;
  await assert.rejects(openPack({ repository, pack }), (error) =>
    isHoldfastError(error, 'KEY_WRITE_ONLY'),
  );
  assert.equal((await readPackTail({ repository, pack })).trailer.frameCount, 1);
  assert.equal((await readAll(temporary.repository, pool, pack)).frames.length, 1);
});

test('a failed write, a lost lease or a dead thread ends the sink, also under pressure', async () => {
  await using temporary = await temporaryRepository();
  const { store: good } = temporary.repository;
  const run = async (changes: { guard?: () => void; faulty?: boolean; dead?: boolean }) => {
    await using pool = new FramePool({ workers: 1 });
    const faulty = faultyStore(good, failNthOf('put', 2, 'before'));
    const repository = await temporary.through({ store: changes.faulty ? faulty : good });
    if (changes.dead) setTimeout(() => pool.close(), 20);
    await store({ repository, pool, pages: 4500, target: 1 << 20, ...changes });
  };
  await assert.rejects(run({ faulty: true }), (error) => isHoldfastError(error, 'STORE_TRANSIENT'));
  const guard = () => {
    throw new HoldfastError('INTERNAL', { reason: 'lease lost' });
  };
  await assert.rejects(run({ guard }), /lease lost/);
  await assert.rejects(run({ dead: true }), (error) => isHoldfastError(error, 'INTERNAL'));
});

test('ranges join over small gaps and stay below their size', () => {
  const MiB = 1 << 20;
  const at = (offset: number, length: number) => ({ offset, length });
  const plan = planRanges([
    at(0, MiB),
    at(MiB, MiB),
    at(2.9 * MiB, MiB),
    at(5 * MiB, MiB),
    at(7 * MiB, 3 * MiB),
  ]);
  assert.deepEqual(
    plan.map(({ start, end }) => [start / MiB, end / MiB]),
    [
      [0, 3.9],
      [5, 6],
      [7, 10],
    ],
  );
});
