import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { faultyStore } from '../../test/doubles/faulty-store.ts';
import { testHost } from '../../test/doubles/host.ts';
import { temporaryStore } from '../../test/doubles/temporary-store.ts';
import { unconditionalStore } from '../../test/doubles/unconditional-store.ts';
import { listed, rejects } from '../../test/store/conformance.ts';
import { isHoldfastError } from '../errors/holdfast-error.ts';
import type { Store } from '../store/store.ts';
import type { NewRecipient } from './keys/recipient.ts';
import { addRecipient, createRepository, listRecipients, openRepository } from './repository.ts';

const host = testHost();
const keyFile = (fill: number) => ({ kind: 'key-file', key: Buffer.alloc(32, fill) }) as const;
const passphrase = (text: string) => ({ kind: 'passphrase', passphrase: text }) as const;
const operator: NewRecipient = { unlock: keyFile(1), label: 'operator' };

test('a repository opens with each of its recipients and no other', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const created = await createRepository({
    store,
    host,
    recipients: [
      { unlock: passphrase('correct horse'), label: 'ops' },
      { ...operator },
      { unlock: keyFile(2), role: 'writer', label: 'db1' },
    ],
  });
  for (const [unlock, role] of [
    [passphrase('correct horse'), 'full'],
    [keyFile(1), 'full'],
    [keyFile(2), 'writer'],
  ] as const) {
    const opened = await openRepository({ store, host, unlock });
    assert.equal(opened.id, created.id);
    assert.equal(opened.keys.role, role);
    created.keys.verify(Buffer.from('x'), opened.keys.sign(Buffer.from('x')));
    opened.keys.verify(Buffer.from('x'), created.keys.sign(Buffer.from('x')));
    const lineage = 'ab'.repeat(16);
    assert.deepEqual(
      opened.keys.lineageMetadataKey(lineage),
      created.keys.lineageMetadataKey(lineage),
    );
  }
  await rejects(openRepository({ store, host, unlock: passphrase('wrong horse') }), 'KEY_WRONG');
  await rejects(openRepository({ store, host, unlock: keyFile(3) }), 'KEY_WRONG');
});

test('KEY_WRONG is a denial that says what was tried and where', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  await createRepository({ store, host, recipients: [operator] });
  await assert.rejects(openRepository({ store, host, unlock: keyFile(9) }), (error: unknown) => {
    assert.ok(isHoldfastError(error, 'KEY_WRONG'));
    assert.equal(error.kind, 'denied');
    assert.match(error.message, /key file opens none of the 1 recipients/);
    assert.ok(error.message.includes(store.location));
    return true;
  });
  const unlock = passphrase('never set up');
  await rejects(openRepository({ store, host, unlock }), 'KEY_NO_RECIPIENT');
});

test('accents typed in another composition are the same passphrase', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const recipients = [{ unlock: passphrase('caf\u00e9 \u00e0 Paris'), label: 'ops' }];
  await createRepository({ store, host, recipients });
  await openRepository({ store, host, unlock: passphrase('cafe\u0301 a\u0300 Paris') });
});

test('an empty store is REPOSITORY_ABSENT, a failing or unmounted one is not', async () => {
  await using place = await temporaryStore();
  const unlock = keyFile(1);
  await rejects(openRepository({ store: place.store, host, unlock }), 'REPOSITORY_ABSENT');
  const failing = faultyStore(place.store, () => 'before');
  await rejects(openRepository({ store: failing, host, unlock }), 'STORE_TRANSIENT');
  await createRepository({ store: place.store, host, recipients: [operator] });
  await fs.rename(place.root, `${place.root}-away`);
  try {
    await rejects(openRepository({ store: place.store, host, unlock }), 'STORE_UNAVAILABLE');
  } finally {
    await fs.rename(`${place.root}-away`, place.root);
  }
});

test('a repository that lost its repo.json is damaged, and init does not write over it', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  await createRepository({ store, host, recipients: [operator] });
  await store.put('packs/ab/x', Buffer.from('x'));
  await store.remove('repo.json');
  await rejects(openRepository({ store, host, unlock: keyFile(1) }), 'REPOSITORY_HEADLESS');
  await rejects(createRepository({ store, host, recipients: [operator] }), 'REPOSITORY_HEADLESS');
});

test('init never replaces a repository, and of two at once one wins', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const results = await Promise.allSettled([
    createRepository({ store, host, recipients: [operator] }),
    createRepository({ store, host, recipients: [operator] }),
  ]);
  const won = results.filter((result) => result.status === 'fulfilled');
  assert.equal(won.length, 1);
  const lost = results.find((result) => result.status === 'rejected');
  assert.ok(isHoldfastError(lost?.reason, 'REPOSITORY_EXISTS'));
  const opened = await openRepository({ store, host, unlock: keyFile(1) });
  assert.equal(opened.id, won[0]?.value.id);
  await rejects(createRepository({ store, host, recipients: [operator] }), 'REPOSITORY_EXISTS');
});

test('an init that failed at any store call leaves nothing that opens, and can be repeated', async () => {
  for (let nth = 1; nth < 40; nth += 1) {
    await using place = await temporaryStore();
    const { store } = place;
    const faulty = faultyStore(store, ({ number }) => (number >= nth ? 'before' : undefined));
    const done = await createRepository({ store: faulty, host, recipients: [operator] }).then(
      () => true,
      () => false,
    );
    const open = () => openRepository({ store, host, unlock: keyFile(1) });
    if (done) {
      await open();
      return;
    }
    const present = (await listed(store, 'repo.json')).length > 0;
    if (present) {
      await open();
      continue;
    }
    await rejects(open(), 'REPOSITORY_ABSENT');
    const again = await createRepository({ store, host, recipients: [operator] });
    assert.equal((await open()).id, again.id);
  }
  assert.fail('init never finished');
});

test('a store without conditional writes is refused unless allowed', async () => {
  const store = unconditionalStore();
  const recipients = [operator];
  await rejects(createRepository({ store, host, recipients }), 'REPOSITORY_STORE_UNSAFE');
  assert.deepEqual(await listed(store, 'repo.json'), []);
  await createRepository({ store, host, recipients, allowUnsafeStore: true });
  const recorded = JSON.parse(String((await store.read('local/store.json'))?.body));
  assert.equal(recorded.conditionalCreate, false);
  assert.equal(recorded.compareAndSwap, false);
});

test('a repository that nobody could read is refused', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const writer: NewRecipient = { ...operator, role: 'writer' };
  await rejects(createRepository({ store, host, recipients: [] }), 'KEY_NO_FULL_RECIPIENT');
  await rejects(createRepository({ store, host, recipients: [writer] }), 'KEY_NO_FULL_RECIPIENT');
  for (const unlock of [
    passphrase('short'),
    { kind: 'key-file', key: Buffer.alloc(31) } as const,
  ]) {
    const recipients = [{ unlock, label: 'weak' }];
    await rejects(createRepository({ store, host, recipients }), 'KEY_WEAK');
  }
});

test('recipients are added by a full one, and listed without a key', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const full = await createRepository({ store, host, recipients: [operator] });
  await addRecipient({
    repository: full,
    recipient: { unlock: keyFile(2), role: 'writer', label: 'db1' },
  });
  const writer = await openRepository({ store, host, unlock: keyFile(2) });
  const another = { unlock: keyFile(3), role: 'writer', label: 'db2' } as const;
  await rejects(addRecipient({ repository: writer, recipient: another }), 'KEY_WRITE_ONLY');
  const recipients = await listRecipients({ store });
  assert.deepEqual(recipients.map(({ label, role, kind }) => `${label} ${role} ${kind}`).sort(), [
    'db1 writer key-file',
    'operator full key-file',
  ]);
});

test('a key file of a writer holds no secret that opens data, even for who has its key', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const recipients: NewRecipient[] = [
    operator,
    { unlock: keyFile(2), role: 'writer', label: 'db1' },
  ];
  const full = await createRepository({ store, host, recipients });
  const sealed = full.keys.sealPackKey(Buffer.alloc(32, 7), Buffer.from('pack'));
  const { keys } = await openRepository({ store, host, unlock: keyFile(2) });
  assert.throws(
    () => keys.openPackKey(sealed, Buffer.from('pack')),
    (error: unknown) => isHoldfastError(error, 'KEY_WRITE_ONLY'),
  );
});

/** Rewrites an immutable object behind the store's back. */
async function tamper(place: { root: string }, key: string, change: (text: string) => string) {
  const file = path.join(place.root, key);
  await fs.writeFile(file, change(await fs.readFile(file, 'utf8')));
}

async function onlyRecipientKey(store: Store): Promise<string> {
  const [key] = await listed(store, 'keys/');
  assert.ok(key);
  return key;
}

test('repo.json altered in any member is refused', async () => {
  const members = {
    id: 'ab'.repeat(16),
    created: '2020-01-01T00:00:00.000Z',
    features: { read: [], write: [], collect: ['trust-me'] },
    dataPublicKey: Buffer.alloc(32, 9).toString('base64'),
    rootPublicKey: Buffer.alloc(32, 9).toString('base64'),
    signature: Buffer.alloc(64, 9).toString('base64'),
    extra: true,
  };
  for (const [member, value] of Object.entries(members)) {
    await using place = await temporaryStore();
    const { store } = place;
    await createRepository({ store, host, recipients: [operator] });
    await tamper(place, 'repo.json', (text) =>
      JSON.stringify({ ...JSON.parse(text), [member]: value }),
    );
    const opened = openRepository({ store, host, unlock: keyFile(1) });
    await rejects(opened, 'REPOSITORY_DAMAGED');
  }
});

test('a newer format and an unknown mandatory feature have their own errors', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  await createRepository({ store, host, recipients: [operator] });
  const original = await store.get('repo.json');
  const open = (purpose: 'read' | 'write') =>
    openRepository({ store, host, unlock: keyFile(1), purpose });
  const edit = (changes: object) =>
    tamper(place, 'repo.json', () =>
      JSON.stringify({ ...JSON.parse(String(original)), ...changes }),
    );
  await edit({ formatVersion: 2, everything: 'else' });
  await rejects(open('read'), 'REPOSITORY_NEWER');
  await edit({ features: { read: [], write: ['locks'], collect: [] } });
  await rejects(open('write'), 'REPOSITORY_FEATURE');
  await rejects(open('read'), 'REPOSITORY_DAMAGED');
  await edit({ features: { read: ['zstd-2'], write: [], collect: [] } });
  await rejects(open('read'), 'REPOSITORY_FEATURE');
  await tamper(place, 'repo.json', () => 'half a file {');
  await rejects(open('read'), 'REPOSITORY_DAMAGED');
});

test('a damaged recipient is damage, not a wrong key; and others still open', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const full = await createRepository({ store, host, recipients: [operator] });
  const key = await onlyRecipientKey(store);
  await addRecipient({ repository: full, recipient: { unlock: keyFile(2), label: 'spare' } });
  await tamper(place, key, (text) => text.replace(/"sealed": "..../, '"sealed": "AAAA'));
  await rejects(openRepository({ store, host, unlock: keyFile(1) }), 'REPOSITORY_DAMAGED');
  await openRepository({ store, host, unlock: keyFile(2) });
  await rejects(listRecipients({ store }), 'REPOSITORY_DAMAGED');
  const damaged: string[] = [];
  const whole = await listRecipients({ store, onDamaged: (found) => damaged.push(found.key) });
  assert.deepEqual(
    whole.map(({ label }) => label),
    ['spare'],
  );
  assert.deepEqual(damaged, [key]);
});

test('a repository without any recipient file is damaged, not wrongly unlocked', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  await createRepository({ store, host, recipients: [operator] });
  await store.remove(await onlyRecipientKey(store));
  await rejects(openRepository({ store, host, unlock: keyFile(1) }), 'REPOSITORY_DAMAGED');
});

test('the role of a recipient file cannot be raised', async () => {
  await using place = await temporaryStore();
  const { store } = place;
  const full = await createRepository({ store, host, recipients: [operator] });
  const writer = { unlock: keyFile(2), role: 'writer', label: 'db1' } as const;
  const { id } = await addRecipient({ repository: full, recipient: writer });
  await tamper(place, `keys/${id}.json`, (text) => text.replace('"writer"', '"full"'));
  await rejects(openRepository({ store, host, unlock: keyFile(2) }), 'REPOSITORY_DAMAGED');
});
