import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, editDistance } from './did-you-mean.ts';

test('near names are offered, far ones are not', () => {
  const known = ['location', 'key', 'host', 'hosts', 'password-file'];
  assert.equal(didYouMean('locaton', known), 'location');
  assert.equal(didYouMean('hots', known), 'host');
  assert.equal(didYouMean('Host', known), 'host');
  assert.equal(didYouMean('passwordfile', known), 'password-file');
  assert.equal(didYouMean('zebra', known), undefined);
  assert.equal(didYouMean('x', []), undefined);
});

test('the distance is symmetric, zero only for equals, and one per edit', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, fc.nat(12), (a, b, at) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, b) === 0, a === b);
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
      assert.equal(editDistance(a, `${a.slice(0, at)}\u{1}${a.slice(at)}`), 1);
    }),
  );
});
