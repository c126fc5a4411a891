import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { append, type Extent, type ExtentMap, packsOf } from './extent-map.ts';

/**
 * An extent map in bytes:
 *
 *   varint  version, 1
 *   varint  units of a full frame
 *   varint  length in units
 *   varint  number of packs in the map's own table; then 16 bytes each, in order of first use
 *   varint  number of extents; then for each, in order:
 *     varint  count × 2, plus 1 when it continues where the previous extent of its pack ended
 *     varint  0: zeroes; otherwise 1 + index in the pack table
 *     varint  position in the pack; absent for zeroes and for an extent that continues
 *
 * Extents cover the length exactly, so their starts are implied. The table holds no pack that no
 * extent uses: a garbage entry would keep its pack alive.
 */
const VERSION = 1;

export function encodeExtentMap(map: ExtentMap): Buffer {
  const packs = [...packsOf(map)];
  const indexOf = new Map(packs.map((pack, index) => [pack, index]));
  const ends = new Map<string, number>();
  const writer = new ByteWriter();
  writer.varint(VERSION).varint(map.frameUnits).varint(map.length).varint(packs.length);
  for (const pack of packs) writer.id(pack);
  writer.varint(map.extents.length);
  for (const { count, at } of map.extents) {
    if (at === null) {
      writer.varint(count * 2).varint(0);
      continue;
    }
    const continues = ends.get(at.pack) === at.position;
    writer.varint(count * 2 + (continues ? 1 : 0));
    writer.varint(1 + (indexOf.get(at.pack) as number));
    if (!continues) writer.varint(at.position);
    ends.set(at.pack, at.position + count);
  }
  return writer.finish();
}

/** OBJECT_CORRUPT naming `object` unless the bytes are exactly one whole map. */
export function decodeExtentMap(bytes: Uint8Array, object: string): ExtentMap {
  const reader = new ByteReader(bytes, object);
  if (reader.varint() !== VERSION) reader.fail('an extent map of another version');
  const frameUnits = reader.varint();
  const length = reader.varint();
  if (frameUnits === 0) reader.fail('frames without units');
  const packs = Array.from({ length: reader.count(16) }, () => reader.id());
  const ends = packs.map(() => -1);
  const extents: Extent[] = [];
  let start = 0;
  for (let left = reader.count(2); left > 0; left -= 1) {
    const head = reader.varint();
    const count = Math.floor(head / 2);
    const source = reader.varint();
    if (count === 0) reader.fail('an empty extent');
    if (source === 0) {
      if (head % 2 === 1) reader.fail('zeroes that continue a pack');
      append(extents, { start, count, at: null });
    } else {
      const pack = packs[source - 1];
      if (pack === undefined) reader.fail('a pack outside its table');
      const end = ends[source - 1] as number;
      if (head % 2 === 1 && end === -1) reader.fail('an extent that continues nothing');
      const position = head % 2 === 1 ? end : reader.varint();
      append(extents, { start, count, at: { pack, position } });
      ends[source - 1] = position + count;
    }
    start += count;
  }
  reader.end();
  if (start !== length) reader.fail(`extents of ${start} units in a map of ${length}`);
  return { frameUnits, length, extents };
}
