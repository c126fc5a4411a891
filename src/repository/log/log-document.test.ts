import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryRepository } from '../../../test/doubles/temporary-repository.ts';
import { rejects } from '../../../test/store/conformance.ts';
import { listLogDocuments, putLogDocument, readLogDocument } from './log-document.ts';

const LINEAGE = 'ab'.repeat(16);

test('documents: stored once, the same again is fine, another is a conflict', async () => {
  await using made = await temporaryRepository();
  const { repository, writer } = made;
  const document = { lineage: LINEAGE, name: '00000002.history' };
  const bytes = Buffer.from('1\t0/3000000\tno recovery target specified\n');
  assert.equal(await putLogDocument({ repository: writer, ...document, bytes }), 'stored');
  assert.equal(await putLogDocument({ repository, ...document, bytes }), 'already');
  const other = Buffer.from('1\t0/4000000\tother\n');
  await rejects(putLogDocument({ repository, ...document, bytes: other }), 'LOG_CONFLICT');
  assert.ok(bytes.equals(await readLogDocument({ repository: writer, ...document })));
  const name = '00000003.history';
  await rejects(readLogDocument({ repository, lineage: LINEAGE, name }), 'STORE_ABSENT');
  await putLogDocument({ repository, lineage: LINEAGE, name, bytes: other });
  const names: string[] = [];
  for await (const found of listLogDocuments({ repository, lineage: LINEAGE })) names.push(found);
  assert.deepEqual(names, ['00000002.history', name]);
});

test('a flipped bit anywhere in a document is detected', async () => {
  await using made = await temporaryRepository();
  const { repository } = made;
  const document = { repository, lineage: LINEAGE, name: '00000002.history' };
  await putLogDocument({ ...document, bytes: Buffer.from('1\t0/3000000\treason\n') });
  const key = `lineages/${LINEAGE}/log-documents/00000002.history`;
  const whole = await repository.store.get(key);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await fs.writeFile(path.join(made.place.root, key), flipped);
    await rejects(readLogDocument(document), 'LOG_CORRUPT');
  }
});
