import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { parseLsn } from '../lsn.ts';
import { parseManifest, withoutVisibilityMaps } from './manifest.ts';

const SHA = 'ab'.repeat(32);
const entry = (path: string, more = '') =>
  `{ ${path}, "Size": 8192, "Last-Modified": "2026-11-21 09:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${SHA}"${more} }`;

function manifest(
  files: readonly string[],
  head = '"System-Identifier": 7710555042883785468,\n',
): Buffer {
  const body = `{ "PostgreSQL-Backup-Manifest-Version": 2,\n${head}"Files": [\n${files.join(',\n')}\n],\n"WAL-Ranges": [\n{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }\n],\n`;
  const sum = createHash('sha256').update(body).digest('hex');
  return Buffer.from(`${body}"Manifest-Checksum": "${sum}"}\n`);
}

const names = [
  '16384',
  '16384_vm',
  '16384_fsm',
  '2619_vm.1',
  'INCREMENTAL.1255_vm',
  'my_vm',
  'x_vm2',
];
const sample = manifest(names.map((name) => entry(`"Path": "base/5/${name}"`)));

test('files, WAL ranges and a system identifier beyond 2^53', () => {
  const parsed = parseManifest(sample);
  assert.equal(parsed.systemIdentifier, '7710555042883785468');
  assert.deepEqual(parsed.files[0], { path: 'base/5/16384', size: 8192, sha256: SHA });
  assert.deepEqual(parsed.walRanges, [
    { timeline: 1, start: parseLsn('0/2000028'), end: parseLsn('0/2000100') },
  ]);
});

test('version 1 has no system identifier; names beyond UTF-8 come in hex', () => {
  const hex = Buffer.from('base/ä').toString('hex');
  const parsed = parseManifest(manifest([entry(`"Encoded-Path": "${hex}"`)], ''));
  assert.equal(parsed.systemIdentifier, undefined);
  assert.equal(parsed.files[0]?.path, 'base/ä');
});

test('an altered manifest is refused, wherever the byte', () => {
  for (let at = 0; at < sample.length; at += 7) {
    const altered = Buffer.from(sample);
    altered[at] = altered[at]! ^ 0x01;
    assert.throws(
      () => parseManifest(altered),
      { code: 'POSTGRES_MANIFEST_INVALID' },
      `byte ${at}`,
    );
  }
  assert.throws(() => parseManifest(sample.subarray(0, -20)), {
    code: 'POSTGRES_MANIFEST_INVALID',
  });
  assert.throws(() => parseManifest(Buffer.alloc(0)), { code: 'POSTGRES_MANIFEST_INVALID' });
});

test('a manifest with other checksums proves nothing', () => {
  const weak = manifest([entry('"Path": "a"').replace('SHA256', 'CRC32C')]);
  assert.throws(() => parseManifest(weak), { message: /no SHA-256 for a/ });
});

// Trap 1.
test('visibility maps are left out, everything else stays, and the checksum is right', () => {
  const parsed = parseManifest(withoutVisibilityMaps(sample));
  assert.deepEqual(
    parsed.files.map(({ path }) => path),
    ['16384', '16384_fsm', 'my_vm', 'x_vm2'].map((name) => `base/5/${name}`),
  );
  assert.equal(parsed.systemIdentifier, '7710555042883785468');
  assert.deepEqual(parsed.walRanges, parseManifest(sample).walRanges);
});
