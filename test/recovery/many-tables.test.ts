import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import type { Store } from '../../src/store/store.ts';
import { temporaryRepository } from '../doubles/temporary-repository.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { place, snapshotOf, sourceOf } from './scenario.ts';

interface Traffic {
  puts: number;
  gets: number;
  /** Read at one moment: what a restore holds in memory beside its plan. */
  inFlight: number;
  mostInFlight: number;
}

/** Counts what goes to a store and comes from it. */
function metered(traffic: Traffic): (store: Store) => Store {
  return (store) => ({
    location: store.location,
    put: (key, body) => {
      traffic.puts++;
      return store.put(key, body);
    },
    get: async (key, range) => {
      traffic.gets++;
      const bytes = range ? range.end - range.start : 0;
      traffic.inFlight += bytes;
      traffic.mostInFlight = Math.max(traffic.mostInFlight, traffic.inFlight);
      try {
        return await store.get(key, range);
      } finally {
        traffic.inFlight -= bytes;
      }
    },
    stat: (key) => store.stat(key),
    list: (prefix) => store.list(prefix),
    remove: (key) => store.remove(key),
    read: (key) => store.read(key),
    replace: (key, body, expected) => store.replace(key, body, expected),
    discard: (key, expected) => store.discard(key, expected),
  });
}

// Trap 4: one object per relation file does not scale.
testEachMajor(
  'two thousand tables more cost few objects more, few reads and few open files',
  async (major) => {
    const traffic: Traffic = { puts: 0, gets: 0, inFlight: 0, mostInFlight: 0 };
    await using temporary = await temporaryRepository({ through: metered(traffic) });
    const { repository } = temporary;
    const settings = { summarize_wal: 'on', max_locks_per_transaction: '256' };
    await using postgres = await startPostgres({ major, settings });
    const few = await costOf(() => snapshotOf(repository, sourceOf(postgres)), traffic);
    await postgres.sql(`do $$ begin
      for n in 1..2000 loop
        execute format('create table t%s (i int)', n);
        execute format('insert into t%s select generate_series(1, 10)', n);
      end loop; end $$`);
    const many = await costOf(
      () => snapshotOf(repository, sourceOf(postgres), { full: true }),
      traffic,
    );
    const { filesTotal } = many.result.snapshot.stats;
    assert.ok(filesTotal >= 2000 + few.result.snapshot.stats.filesTotal);
    assert.ok(
      many.puts <= few.puts + 2,
      `${many.puts} objects for ${filesTotal} files, ${few.puts} before`,
    );

    await postgres.sql('update t7 set i = i + 1');
    const next = await costOf(() => snapshotOf(repository, sourceOf(postgres)), traffic);
    assert.equal(next.result.document.method, 'native-incremental');
    assert.ok(next.puts <= few.puts, `${next.puts} objects`);

    let descriptors = 0;
    const watch = setInterval(() => {
      descriptors = Math.max(descriptors, readdirSync('/proc/self/fd').length);
    }, 5);
    const restored = await costOf(
      () => place({ repository, snapshot: next.result.snapshot }),
      traffic,
    );
    clearInterval(watch);
    await using _place = restored.result;
    const { packs, indexes } = next.result.snapshot;
    const objects = packs.length + indexes.length;
    assert.ok(restored.gets <= 20 * objects, `${restored.gets} reads of ${objects} objects`);
    assert.ok(descriptors < 400, `${descriptors} open files`);
    assert.ok(restored.mostInFlight <= 64 << 20, `${restored.mostInFlight} bytes in flight`);
  },
  { from: 18 },
);

async function costOf<Result>(act: () => Promise<Result>, traffic: Traffic) {
  const { puts, gets } = traffic;
  traffic.mostInFlight = 0;
  const result = await act();
  const { mostInFlight } = traffic;
  return { result, puts: traffic.puts - puts, gets: traffic.gets - gets, mostInFlight };
}
