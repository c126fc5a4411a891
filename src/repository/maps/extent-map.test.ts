import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { soak } from '../../../test/support/soak.ts';
import { isHoldfastError } from '../../errors/holdfast-error.ts';
import { append, compose, type Extent, type ExtentMap, packsOf, slice } from './extent-map.ts';
import { decodeExtentMap, encodeExtentMap } from './extent-map-codec.ts';

const FRAME_UNITS = 4;
const corrupt = (error: unknown) => isHoldfastError(error, 'OBJECT_CORRUPT');

/** One generation of a file: which units are written, up to where the parent holds, how long. */
interface Generation {
  readonly writes: ReadonlySet<number>;
  readonly zeroes: ReadonlySet<number>;
  readonly limit: number;
  readonly length: number;
}

const generation: fc.Arbitrary<Generation> = fc.record({
  writes: fc.oneof(
    fc.uniqueArray(fc.nat(39)).map((units) => new Set(units)),
    // Runs, so that extents join across pages and frames.
    fc.tuple(fc.nat(39), fc.nat(20)).map(([from, count]) => {
      return new Set(Array.from({ length: count }, (_, index) => from + index));
    }),
  ),
  zeroes: fc.uniqueArray(fc.nat(39), { maxLength: 6 }).map((units) => new Set(units)),
  limit: fc.nat(45),
  length: fc.oneof(fc.nat(40), fc.constant(0), fc.constant(40)),
});

const pad = (number: number) => number.toString(16).padStart(32, '0');

/** Stores units in packs of three frames, as the pack writer does. */
class Packs {
  readonly #content = new Map<string, number>();
  #written = 0;

  store(value: number): { pack: string; position: number } {
    const perPack = 3 * FRAME_UNITS;
    const pack = pad(1 + Math.floor(this.#written / perPack));
    const position = this.#written % perPack;
    this.#written += 1;
    this.#content.set(`${pack}/${position}`, value);
    return { pack, position };
  }

  read(map: ExtentMap): number[] {
    const values: number[] = [];
    for (const { start, count, at } of map.extents) {
      assert.equal(start, values.length);
      for (let unit = 0; unit < count; unit += 1) {
        if (at === null) values.push(0);
        else values.push(this.#content.get(`${at.pack}/${at.position + unit}`) ?? Number.NaN);
      }
    }
    return values;
  }
}

test('composed maps hold what a byte model holds, over many generations', () => {
  fc.assert(
    fc.property(fc.array(generation, { minLength: 1, maxLength: 12 }), (generations) => {
      const packs = new Packs();
      let model: number[] = [];
      let map: ExtentMap = { frameUnits: FRAME_UNITS, length: 0, extents: [] };
      let value = 0;
      for (const { writes, zeroes, limit, length } of generations) {
        const changed: Extent[] = [];
        const next = Array.from({ length }, (_, unit) => (unit < limit ? (model[unit] ?? 0) : 0));
        for (let unit = 0; unit < length; unit += 1) {
          if (zeroes.has(unit)) {
            next[unit] = 0;
            append(changed, { start: unit, count: 1, at: null });
          } else if (writes.has(unit)) {
            value += 1;
            next[unit] = value;
            append(changed, { start: unit, count: 1, at: packs.store(value) });
          }
        }
        const composed = compose({ parent: map, changed, limit, length });
        map = decodeExtentMap(encodeExtentMap(composed), 'test');
        assert.deepEqual(map, composed);
        model = next;
        assert.deepEqual(packs.read(map), model);
      }
    }),
    { numRuns: soak(20_000, 400) },
  );
});

const at = (start: number, count: number, pack: number, position: number): Extent => ({
  start,
  count,
  at: { pack: pad(pack), position },
});
const zero = (start: number, count: number): Extent => ({ start, count, at: null });
const mapOf = (extents: Extent[]): ExtentMap => ({
  frameUnits: 16,
  length: extents.reduce((total, extent) => total + extent.count, 0),
  extents,
});

test('a whole gigabyte in a row is one extent per pack', () => {
  const extents: Extent[] = [];
  for (let frame = 0; frame < 8192; frame += 1) {
    append(extents, at(frame * 16, 16, 1 + Math.floor(frame / 1024), (frame % 1024) * 16));
  }
  assert.equal(extents.length, 8);
  assert.ok(encodeExtentMap(mapOf(extents)).length < 200);
});

test('a file that shrank and grew again does not get its old pages back', () => {
  const first = mapOf([at(0, 100, 1, 0)]);
  const shrunk = compose({ parent: first, changed: [], limit: 50, length: 50 });
  const grown = compose({ parent: shrunk, changed: [at(79, 1, 2, 0)], limit: 50, length: 80 });
  assert.deepEqual(grown.extents, [at(0, 50, 1, 0), zero(50, 29), at(79, 1, 2, 0)]);
});

test('truncated and written again between two snapshots: the limit cuts the parent off', () => {
  const parent = mapOf([at(0, 100, 1, 0)]);
  const composed = compose({ parent, changed: [at(10, 5, 2, 0)], limit: 10, length: 15 });
  assert.deepEqual(composed.extents, [at(0, 10, 1, 0), at(10, 5, 2, 0)]);
});

test('a pack that no extent uses any more leaves the table', () => {
  const parent = mapOf([at(0, 10, 1, 0), at(10, 10, 2, 0)]);
  const composed = compose({ parent, changed: [at(0, 10, 3, 0)], limit: 20, length: 20 });
  assert.deepEqual([...packsOf(composed)], [pad(3), pad(2)]);
  assert.equal(encodeExtentMap(composed).includes(Buffer.from(pad(1), 'hex')), false);
});

test('changed extents that overlap or pass the end are refused', () => {
  const parent = mapOf([]);
  const composing = (changed: Extent[]) => () => compose({ parent, changed, limit: 0, length: 9 });
  assert.throws(composing([at(0, 5, 1, 0), at(4, 1, 1, 9)]), RangeError);
  assert.throws(composing([at(5, 5, 1, 0)]), RangeError);
});

test('positions beyond 2^32 survive', () => {
  const map = { ...mapOf([at(0, 2 ** 40, 1, 2 ** 48)]), frameUnits: 2 ** 20 };
  assert.deepEqual(decodeExtentMap(encodeExtentMap(map), 'test'), map);
});

test('a slice is the part inside, clipped on both sides', () => {
  const map = mapOf([at(0, 10, 1, 5), zero(10, 10), at(20, 10, 2, 0)]);
  assert.deepEqual(slice(map, 8, 21), [at(8, 2, 1, 13), zero(10, 10), at(20, 1, 2, 0)]);
  assert.deepEqual(slice(map, 40, 50), []);
});

test('a map cut at any byte is corrupt, never a shorter map', () => {
  const extents = [at(0, 300, 1, 7), zero(300, 5), at(305, 9, 2, 1000), at(314, 40, 1, 307)];
  const bytes = encodeExtentMap(mapOf(extents));
  for (let length = 0; length < bytes.length; length += 1) {
    assert.throws(() => decodeExtentMap(bytes.subarray(0, length), 'test'), corrupt);
  }
  assert.throws(() => decodeExtentMap(Buffer.concat([bytes, Buffer.alloc(1)]), 'test'), corrupt);
});

test('a map of these bytes, for a second implementation', () => {
  const map = mapOf([at(0, 16, 1, 0), zero(16, 2), at(18, 3, 1, 16), at(21, 1, 2, 40)]);
  const bytes = `0110${'16'}02${pad(1)}${pad(2)}04${'200100'}0400${'0701'}020228`;
  assert.equal(encodeExtentMap(map).toString('hex'), bytes);
});
