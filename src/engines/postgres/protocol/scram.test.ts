import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScramClient } from './scram.ts';

const NONCE = Buffer.from('rOprNGfwEbeRWgbNEkqO', 'base64');
const SERVER_FIRST =
  'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';

// RFC 7677 §3 has the user name in the messages, PostgreSQL leaves it empty: the proof differs,
// so that the whole exchange is recomputed from the RFC's formulas in the server tests. Here: shape.
test('the client answers with its nonce, its binding and a proof', async () => {
  const client = new ScramClient({ password: 'pencil', nonce: NONCE, couldBind: false });
  assert.equal(client.mechanism, 'SCRAM-SHA-256');
  assert.equal(client.clientFirst, 'n,,n=,r=rOprNGfwEbeRWgbNEkqO');
  const final = await client.clientFinal(SERVER_FIRST);
  assert.match(
    final,
    /^c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,p=[A-Za-z0-9+/]{43}=$/,
  );
  assert.equal(client.provesServer('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='), false);
  assert.equal(client.provesServer('e=other-error'), false);
});

test('a binding, or the ability to bind, is part of what is signed', async () => {
  const bound = new ScramClient({
    password: 'pencil',
    nonce: NONCE,
    binding: Buffer.from('hash'),
    couldBind: true,
  });
  assert.equal(bound.mechanism, 'SCRAM-SHA-256-PLUS');
  assert.match(bound.clientFirst, /^p=tls-server-end-point,,/);
  const expected = Buffer.from('p=tls-server-end-point,,hash').toString('base64');
  assert.ok((await bound.clientFinal(SERVER_FIRST)).startsWith(`c=${expected},`));
  const could = new ScramClient({ password: 'pencil', nonce: NONCE, couldBind: true });
  assert.match(could.clientFirst, /^y,,/);
});

test('a server that changes or only echoes our nonce is refused', async () => {
  for (const nonce of ['other', 'rOprNGfwEbeRWgbNEkqO']) {
    const client = new ScramClient({ password: 'pencil', nonce: NONCE, couldBind: false });
    await assert.rejects(client.clientFinal(`r=${nonce},s=W22Z,i=4096`), RangeError);
  }
  const client = new ScramClient({ password: 'pencil', nonce: NONCE, couldBind: false });
  await assert.rejects(client.clientFinal('nonsense'), RangeError);
});
