import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ChainLink, walkChain } from './chain.ts';

/** `name: predecessor`, in ascending order of names; `!` before a name: rewritten since. */
async function walk(commits: Record<string, string | null>) {
  const links = new Map<string, ChainLink>();
  for (const [key, named] of Object.entries(commits)) {
    const predecessor = named === null ? null : { key: named, sha256: `sha of ${named}` };
    const rewritten = key.startsWith('!');
    links.set(key.replace('!', ''), {
      sha256: rewritten ? 'another' : `sha of ${key}`,
      predecessor,
    });
  }
  return await walkChain([...links.keys()].sort(), async (key) => links.get(key));
}

test('commits in a row are a chain', async () => {
  const chain = await walk({ a: null, b: 'a', c: 'b' });
  assert.deepEqual(chain, { keys: ['c', 'b', 'a'], lost: [] });
});

test('a late commit of a writer that lost its lease lies beside the chain', async () => {
  assert.deepEqual((await walk({ a: null, b1: 'a', c2: 'a', d2: 'c2' })).keys, ['d2', 'c2', 'a']);
});

test('a missing commit is named, and the older ones are still found', async () => {
  const chain = await walk({ a: null, b: 'a', d: 'c' });
  assert.deepEqual(chain, { keys: ['d', 'b', 'a'], lost: ['c'] });
});

test('a rewritten commit is named and left out', async () => {
  const chain = await walk({ a: null, '!b': 'a', c: 'b' });
  assert.deepEqual(chain, { keys: ['c', 'a'], lost: ['b'] });
});

test('a commit that names a later one cannot make the walk turn round', async () => {
  const chain = await walk({ a: null, b: 'd', c: 'b', d: 'c' });
  assert.deepEqual(chain, { keys: ['d', 'c', 'b', 'a'], lost: ['d'] });
});

test('whatever commits name, each key is walked at most once', async () => {
  const name = fc.nat(9).map(String);
  const commits = fc.dictionary(name, fc.option(name, { nil: null }));
  await fc.assert(
    fc.asyncProperty(commits, async (named) => {
      const { keys } = await walk(named);
      assert.equal(new Set(keys).size, keys.length);
      assert.deepEqual([...keys].sort().reverse(), keys);
    }),
  );
});
