import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { TakenSnapshot, TakeSnapshotOptions } from '../../src/capture/take-snapshot.ts';
import { crc32c } from '../../src/engines/postgres/wal/crc32c.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { digestOf } from './digest.ts';
import { restoreTo, snapshotOf, sourceOf, summarizing, temporaryRepository } from './scenario.ts';

/** Of what the version has no part in but by the protocol's two spellings. */
function testOldestAndNewest(title: string, body: (major: number) => Promise<void>): void {
  testEachMajor(title, body, { to: 14 });
  testEachMajor(title, body, { from: 18 });
}

/** A chain of snapshots of one server, each with what it must restore to. */
class Chain {
  readonly #repository: Repository;
  readonly #postgres: TestPostgres;
  readonly #taken: { readonly taken: TakenSnapshot; readonly digest: readonly string[] }[] = [];
  #step = 0;

  constructor(repository: Repository, postgres: TestPostgres) {
    this.#repository = repository;
    this.#postgres = postgres;
  }

  /** Answers how it was taken, and why so. */
  async take(
    options: Partial<TakeSnapshotOptions> = {},
  ): Promise<{ readonly method: string; readonly reason: string }> {
    const digest = await digestOf(this.#postgres);
    const taken = await snapshotOf(
      options.repository ?? this.#repository,
      sourceOf(this.#postgres),
      options,
    );
    this.#taken.push({ taken, digest });
    return taken.document;
  }

  async change(): Promise<void> {
    this.#step++;
    await this.#postgres.sql(
      `create table if not exists t as select g as id, 0 as k, repeat('x', 200) as filler from generate_series(1, 5000) g`,
    );
    await this.#postgres.sql(`update t set k = ${this.#step} where id % 97 = 0`);
    await this.#postgres.sql(`delete from t where id % 31 = ${this.#step}`);
    await this.#postgres.sql(`create table t${this.#step} as select * from t limit 100`);
  }

  async assertAllRestore(): Promise<void> {
    for (const { taken, digest } of this.#taken) {
      await using restored = await restoreTo({
        repository: this.#repository,
        target: { kind: 'snapshot', id: taken.snapshot.id },
      });
      assert.deepEqual(await digestOf(restored.server!), digest);
    }
  }
}

// Research §4.3 #3: what one run was told must not decide whether the next one's chain restores.
testOldestAndNewest('options that change between the backups of a chain', async (major) => {
  await using temporary = await temporaryRepository();
  const { repository, writer } = temporary;
  // Else a spread checkpoint takes its time.
  const settings = { checkpoint_completion_target: '0.01' };
  await using postgres = await startPostgres({ major, settings });
  const chain = new Chain(repository, postgres);
  await chain.change();
  await chain.take();
  await chain.change();
  await chain.take({ checkpoint: 'spread', workers: 2, repository: writer });
  await postgres.stop();
  await postgres.start({ wal_log_hints: 'on', wal_compression: 'on', full_page_writes: 'off' });
  await chain.change();
  await chain.take({ workers: 2 });
  await chain.change();
  assert.equal((await chain.take({ full: true, repository: writer })).method, 'full');
  await postgres.stop();
  await postgres.start();
  await chain.change();
  assert.equal((await chain.take()).method, 'hash-incremental');
  await chain.assertAllRestore();
});

testEachMajor(
  'summarize_wal switched off, and wal_level lowered, between the backups of a chain',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major, settings: { summarize_wal: 'on' } });
    const chain = new Chain(repository, postgres);
    await chain.change();
    await chain.take();
    await chain.change();
    assert.equal((await chain.take()).method, 'native-incremental');

    await restart(postgres, { summarize_wal: 'off' });
    await chain.change();
    const off = await chain.take();
    assert.deepEqual([off.method, off.reason], ['hash-incremental', 'summarize_wal is off']);

    // Changed while nobody summarized: the WAL of that is gone or not, but never guessed.
    await chain.change();
    await restart(postgres, { summarize_wal: 'off' });
    await restart(postgres, {});
    await chain.change();
    await chain.take();

    // Research §4.3 #35: what is written here is not in the WAL.
    await restart(postgres, { wal_level: 'minimal', max_wal_senders: '0', summarize_wal: 'off' });
    await postgres.sql(
      'begin; create table unlogged_load as select g as id from generate_series(1, 9000) g; commit',
    );
    await postgres.sql(
      'begin; truncate t; insert into t select g, g, md5(g::text) from generate_series(1, 4000) g; commit',
    );
    await restart(postgres, {});
    const lowered = await chain.take();
    assert.equal(lowered.method, 'hash-incremental', lowered.reason);
    await chain.change();
    assert.equal((await chain.take()).method, 'native-incremental');
    await chain.assertAllRestore();
  },
  { from: 17, quick: [18] },
);

// Research §4.3 #36.
testOldestAndNewest(
  'checksums turned off between two backups begin the pages anew',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    const settings = summarizing(major);
    await using postgres = await startPostgres({ major, settings, initdb: ['--data-checksums'] });
    const chain = new Chain(repository, postgres);
    await chain.change();
    await chain.take();
    await postgres.stop();
    await disableChecksums(postgres);
    await postgres.start();
    assert.equal(await postgres.value('show data_checksums'), 'off');
    await chain.change();
    const { method, reason } = await chain.take();
    assert.deepEqual([method, reason], ['full', 'page checksums were turned off since the parent']);
    await chain.assertAllRestore();
  },
);

async function restart(postgres: TestPostgres, settings: Record<string, string>): Promise<void> {
  await postgres.stop();
  await postgres.start(settings);
}

/** All that `pg_checksums --disable` does, which the packages of the tests do not hold. */
async function disableChecksums({ dataDir, major }: TestPostgres): Promise<void> {
  const path = join(dataDir, 'global/pg_control');
  const bytes = await fs.readFile(path);
  const end = major >= 18 ? 292 : 288;
  bytes.writeUInt32LE(0, 252);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, end)), end);
  await fs.writeFile(path, bytes);
}
