import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { testEachMajor } from '../../../../test/support/majors.ts';
import { startPostgres } from '../../../../test/support/postgres.ts';
import { soak } from '../../../../test/support/soak.ts';
import { pageChecksum, pageProblem } from './page-checksum.ts';

const PAGE = 8192;

testEachMajor('a page’s checksum is what the server computes, in any segment', async (major) => {
  await using postgres = await startPostgres({
    major,
    initdb: major === 18 ? [] : ['--data-checksums'],
  });
  await postgres.sql(
    `CREATE EXTENSION pageinspect; CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 300) g; CHECKPOINT`,
  );
  const path = await postgres.value(`SELECT pg_relation_filepath('t')`);
  const bytes = await fs.readFile(join(postgres.dataDir, path));
  const page = Buffer.from(bytes.subarray(PAGE, 2 * PAGE));
  assert.equal(pageProblem({ page, block: 1, checksums: true }), undefined);
  const words = new Int32Array(page.buffer, page.byteOffset, PAGE / 4);
  for (const block of [0, 1, 131_073, 2 ** 31 - 1]) {
    const expected = await postgres.value(
      `SELECT page_checksum('\\x${page.toString('hex')}', ${block})`,
    );
    assert.equal((pageChecksum(words, block) << 16) >> 16, Number(expected), `block ${block}`);
  }
});

function soundPage(): Buffer {
  const page = Buffer.alloc(PAGE, 7);
  page.writeUInt16LE(28, 12);
  page.writeUInt16LE(8000, 14);
  page.writeUInt16LE(PAGE, 16);
  page.writeUInt16LE(PAGE | 4, 18);
  page.writeUInt16LE(pageChecksum(new Int32Array(page.buffer, page.byteOffset, PAGE / 4), 5), 8);
  return page;
}

test('one flipped bit anywhere is a problem', () => {
  const page = soundPage();
  assert.equal(pageProblem({ page, block: 5, checksums: true }), undefined);
  fc.assert(
    fc.property(fc.nat({ max: PAGE * 8 - 1 }), (bit) => {
      const damaged = Buffer.from(page);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return pageProblem({ page: damaged, block: 5, checksums: true }) !== undefined;
    }),
    { seed: 20261121, numRuns: soak(3_000, 300) },
  );
});

test('§4.3 #11: damage to pd_upper alone is not taken for a page never written', () => {
  const page = soundPage();
  page.writeUInt16LE(0, 14);
  for (const checksums of [true, false]) {
    assert.notEqual(pageProblem({ page, block: 5, checksums }), undefined);
    assert.equal(pageProblem({ page: Buffer.alloc(PAGE), block: 5, checksums }), undefined);
  }
});

test('a sound page in another page’s place is a problem', () => {
  assert.notEqual(pageProblem({ page: soundPage(), block: 6, checksums: true }), undefined);
});

test('without checksums the header still has to make sense', () => {
  const page = soundPage();
  assert.equal(pageProblem({ page, block: 5, checksums: false }), undefined);
  page.writeUInt16LE(8001, 12);
  assert.notEqual(pageProblem({ page, block: 5, checksums: false }), undefined);
});
