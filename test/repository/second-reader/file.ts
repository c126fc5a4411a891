import { hash } from 'node:crypto';
import { Cursor, check, type Parsed } from './notation.ts';
import { type Pack, unitAt } from './packs.ts';

/** "Index objects": an entry, its map and its page hashes. */
export function readFile(options: {
  path: string;
  entry: Cursor;
  paged: boolean;
  packs: ReadonlyMap<string, Pack>;
  blob: (kind: number, reference: Parsed) => Buffer;
}): Buffer {
  const { path, entry, paged, packs, blob } = options;
  const unit = paged ? entry.varint() : 1;
  const size = entry.varint();
  const sha256 = entry.take(1)[0] === 1 ? entry.take(32).toString('hex') : undefined;
  const content = (kind: number): Buffer => {
    if (entry.take(1)[0] === 0) return entry.block();
    const object = entry.id();
    const reference = { object, number: entry.varint(), offset: entry.varint() };
    return blob(kind, { ...reference, length: entry.varint() });
  };
  const map = new Cursor(content(4));
  const hashes = paged ? content(5) : undefined;
  check(map.varint() === 1, 'map version');
  const frameUnits = map.varint();
  const units = map.varint();
  check(units === Math.ceil(size / unit), 'map length');
  const table = map.many(map.id);
  const bytes = Buffer.alloc(units * unit);
  const ends = new Map<number, number>();
  let at = 0;
  map.many(() => {
    const head = map.varint();
    const count = Math.floor(head / 2);
    const source = map.varint();
    if (source > 0) {
      const from = head % 2 === 1 ? (ends.get(source) as number) : map.varint();
      for (let index = 0; index < count; index += 1) {
        const pack = packs.get(table[source - 1] as string) as Pack;
        const found = pack.frames[Math.floor((from + index) / frameUnits)];
        const position = (from + index) % frameUnits;
        check(found !== undefined && found.unit === unit, 'frame of a map');
        check(unitAt(found.runs, position) === `${path} ${at + index}`, 'run');
        found.plaintext.copy(bytes, (at + index) * unit, position * unit, (position + 1) * unit);
      }
      ends.set(source, from + count);
    }
    at += count;
  });
  check(at === units && map.at === map.bytes.length, 'map extents');
  for (let page = 0; hashes && page < units; page += 1) {
    const own = hash('sha256', bytes.subarray(page * unit, (page + 1) * unit), 'buffer');
    check(own.subarray(0, 12).equals(hashes.subarray(page * 12, page * 12 + 12)), 'page hash');
  }
  const file = bytes.subarray(0, size);
  check(sha256 === undefined || hash('sha256', file) === sha256, 'file hash');
  return file;
}
