import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryRepository } from '../../test/doubles/temporary-repository.ts';
import { rejects } from '../../test/store/conformance.ts';
import { ensureLineage, listLineages } from './lineages.ts';

const shop = { source: 'shop', engine: 'postgres', identity: '7301234567890123456' };

test('the same cluster is the same lineage, for every role and at once', async () => {
  await using made = await temporaryRepository();
  const { repository, writer } = made;
  const [first, second] = await Promise.all([
    ensureLineage({ repository, ...shop }),
    ensureLineage({ repository: writer, ...shop }),
  ]);
  assert.deepEqual(second, first);
  const { id, created, ...facts } = first;
  assert.deepEqual(facts, shop);
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.ok(created > 0);
  const another = await ensureLineage({ repository, ...shop, identity: '7' });
  assert.notEqual(another.id, id);
  assert.deepEqual(
    (await listLineages({ repository: writer })).map((lineage) => lineage.identity).sort(),
    ['7', shop.identity],
  );
});

test('a damaged lineage is reported and hides no other', async () => {
  await using made = await temporaryRepository();
  const { repository, place } = made;
  const { id } = await ensureLineage({ repository, ...shop });
  const other = await ensureLineage({ repository, ...shop, source: 'other' });
  const file = path.join(place.root, `catalog/${id}.json`);
  await fs.writeFile(
    file,
    (await fs.readFile(file, 'utf8')).replace(/"sealed":"..../, '"sealed":"AAAA'),
  );
  await rejects(listLineages({ repository }), 'SEALED_CORRUPT');
  const damaged: string[] = [];
  const lineages = await listLineages({ repository, onDamaged: ({ key }) => damaged.push(key) });
  assert.deepEqual(lineages, [other]);
  assert.deepEqual(damaged, [`catalog/${id}.json`]);
});
