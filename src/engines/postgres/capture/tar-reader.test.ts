import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TarReader } from './tar-reader.ts';
import { header, sealed, tar } from './testing/tar.ts';

function read(archive: Buffer, sizes: readonly number[] = [archive.length]): unknown[] {
  const events: unknown[] = [];
  let content: Buffer[] = [];
  const reader = new TarReader({
    directory: ({ path, mode }) => events.push(['directory', path, mode]),
    begin: ({ path, size, mode }) => events.push(['file', path, size, mode]),
    content: (bytes) => content.push(Buffer.from(bytes)),
    end: () => {
      events.push(Buffer.concat(content).toString('latin1'));
      content = [];
    },
  });
  for (let at = 0, n = 0; at < archive.length; n++) {
    const size = sizes[n % sizes.length]!;
    reader.push(archive.subarray(at, at + size));
    at += size;
  }
  reader.finish();
  return events;
}

const sample = tar([
  { name: 'backup_label', content: Buffer.from('label') },
  { name: './pg_wal/archive_status/', type: '5', mode: 0o700 },
  { name: 'base/1/1259', mode: 0o640, content: Buffer.alloc(1024, 7) },
  { name: 'base/1/2619', content: Buffer.alloc(0) },
  { name: 'global/pg_control', content: Buffer.alloc(513, 1) },
]);
const expected = read(sample);

test('members, directories, empty files, and the odd ./ of the server', () => {
  assert.deepEqual(
    expected.filter((event) => Array.isArray(event)),
    [
      ['file', 'backup_label', 5, 0o600],
      ['directory', 'pg_wal/archive_status', 0o700],
      ['file', 'base/1/1259', 1024, 0o640],
      ['file', 'base/1/2619', 0, 0o600],
      ['file', 'global/pg_control', 513, 0o600],
    ],
  );
});

test('an archive cut in two at every byte reads the same', () => {
  for (let cut = 1; cut < sample.length; cut++) {
    assert.deepEqual(read(sample, [cut, sample.length]), expected, `cut at ${cut}`);
  }
});

test('an archive byte by byte, or in any pieces, reads the same', () => {
  assert.deepEqual(read(sample, [1]), expected);
  const pieces = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 9 });
  fc.assert(fc.property(pieces, (sizes) => assert.deepEqual(read(sample, sizes), expected)));
});

test('PostgreSQL 14 ends an archive without zero blocks', () => {
  const archive = tar([{ name: 'PG_VERSION', content: Buffer.from('14') }], { terminated: false });
  assert.deepEqual(read(archive), [['file', 'PG_VERSION', 2, 0o600], '14']);
});

test('sizes of 8 GiB and more are base 256', () => {
  const block = header({ name: 'base/1/1259' });
  block.fill(0, 124, 136);
  block[124] = 0x80;
  block.writeBigUInt64BE(9n << 30n, 128);
  const sizes: number[] = [];
  const reader = new TarReader({
    directory: () => undefined,
    begin: ({ size }) => sizes.push(size),
    content: () => undefined,
    end: () => undefined,
  });
  reader.push(sealed(block));
  assert.deepEqual(sizes, [9 * 1024 ** 3]);
});

// Research §4.3 #39: sparse entries and pax headers read as files store the wrong bytes.
test('unknown member types are refused: pax, GNU sparse, links, devices', () => {
  for (const type of ['x', 'g', 'S', 'L', 'K', '1', '2', '3', '4', '6', '7', '\0']) {
    const archive = tar([{ name: 'base/1/1259', type, content: Buffer.from('25 path=a\n') }]);
    assert.throws(() => read(archive), {
      code: 'POSTGRES_ARCHIVE_INVALID',
      message: /unknown type/,
    });
  }
});

test('paths that leave the data directory are refused', () => {
  for (const name of ['../x', '/etc/passwd', 'a/../../x', 'a//b', 'a/./b', '..', '']) {
    assert.throws(() => read(tar([{ name }])), { code: 'POSTGRES_ARCHIVE_INVALID' }, name);
  }
});

test('a header that was damaged, cut or not UTF-8 is refused', () => {
  const damaged = Buffer.from(sample);
  damaged[3] = damaged[3]! ^ 1;
  assert.throws(() => read(damaged), { message: /checksum/ });
  assert.throws(() => read(sample.subarray(0, 700)), { message: /stops in the middle/ });
  assert.throws(() => read(sample.subarray(0, 514)), { message: /stops in the middle/ });
  const foreign = header({ name: 'base/x' });
  foreign[5] = 0xff;
  assert.throws(() => read(sealed(foreign)), { message: /not UTF-8: 626173652fff/ });
  const after = Buffer.concat([tar([]), header({ name: 'late' })]);
  assert.throws(() => read(after), { message: /follows the end/ });
});
