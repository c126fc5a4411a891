import assert from 'node:assert/strict';
import { chmodSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { BackupResult, DoctorCheck, DoctorResult } from '../../src/operations/contract.ts';
import { onlyDocument } from '../cli/run-line.ts';
import { freePort } from '../support/free-port.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { Workbench } from './workbench.ts';

const one = { from: 18 } as const;

interface Examined {
  readonly exit: number;
  readonly checks: readonly DoctorCheck[];
  /** The only check of this name, about this subject where it is given. */
  of(name: string, subject?: string): DoctorCheck;
}

async function examine(bench: Workbench, ...argv: string[]): Promise<Examined> {
  const { code, out } = await bench.run('doctor', ...argv, '--json');
  const { checks, ok } = onlyDocument(out) as unknown as DoctorResult;
  assert.equal(code, ok ? 0 : 8);
  return {
    exit: code,
    checks,
    of: (name, subject) => {
      const found = checks.filter(
        (check) => check.name === name && (subject ?? check.subject) === check.subject,
      );
      assert.equal(found.length, 1, `${name}: ${JSON.stringify(checks, null, 1)}`);
      return found[0]!;
    },
  };
}

testEachMajor('a sound setup has no problem, on every version', async (major) => {
  const initdb = ['--data-checksums'];
  await using postgres = await startPostgres({ major, initdb });
  using bench = new Workbench();
  await bench.init(postgres);
  await bench.json('backup');
  const { exit, checks, of } = await examine(bench);
  assert.equal(exit, 0, JSON.stringify(checks, null, 1));
  for (const name of [
    ...['repository.store', 'repository.key', 'repository.recipients', 'source.reachable'],
    ...['source.role', 'source.version', 'source.wal-level', 'source.checksums'],
    ...['snapshot.newest', 'snapshot.chain', 'window.gaps'],
  ]) {
    assert.equal(of(name).status, 'ok', name);
  }
  assert.equal(of('clock', 'repository').status, 'ok');
  assert.equal(of('clock', 'main').status, 'ok');
  assert.match(of('follow.alive').message, /Nobody follows yet/);
  assert.match(of('slot.limit').hint ?? '', /max_slot_wal_keep_size/);
  for (const { status, hint, name } of checks) assert.ok(status === 'ok' || hint, name);
});

testEachMajor(
  'each problem of a server is named with the statement that ends it',
  async (major) => {
    await using postgres = await startPostgres({
      major,
      settings: { synchronous_standby_names: 'holdfast', synchronous_commit: 'local' },
    });
    using bench = new Workbench();
    await bench.init(postgres);
    await postgres.sql('create role plain login');
    await postgres.sql("select pg_create_physical_replication_slot('holdfast', true)");
    bench.editConfig((text) => text.replace('user: postgres', 'user: plain'));
    const denied = await examine(bench);
    assert.equal(denied.exit, 8);
    for (const name of ['source.replication', 'source.role']) {
      assert.equal(denied.of(name).status, 'problem');
      assert.match(denied.of(name).hint ?? '', /ALTER ROLE "plain" REPLICATION/);
    }

    await postgres.sql('alter role plain replication');
    const found = await examine(bench);
    assert.match(found.of('source.monitor').hint ?? '', /GRANT pg_monitor TO "plain"/);
    assert.equal(found.of('snapshot.newest').status, 'problem');
    assert.equal(found.of('snapshot.newest').hint, 'holdfast backup main');
    assert.match(found.of('slot.retained').message, /wal_status reserved/);
    const synchronous = found.of('follow.synchronous');
    assert.equal(synchronous.status, 'problem');
    assert.match(
      synchronous.hint ?? '',
      /ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf\(\);/,
    );
    for (const hint of [found.of('slot.limit').hint!, found.of('source.monitor').hint!]) {
      for (const statement of hint.split(';').filter((text) => text.trim())) {
        await postgres.sql(statement);
      }
    }
    const mended = await examine(bench);
    assert.equal(mended.of('slot.limit').status, 'ok');
    assert.ok(!mended.checks.some(({ name }) => name === 'source.monitor'));
  },
  one,
);

testEachMajor(
  'each host is asked on its own, and two clusters are not one source',
  async (major) => {
    await using postgres = await startPostgres({ major });
    await using stranger = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    const hosts = (...ports: number[]) =>
      ports.map((port) => `      - { host: 127.0.0.1, port: ${port} }`).join('\n');
    const nobody = await freePort();
    bench.editConfig((text) =>
      text.replace(/ {4}socket: .*\n {4}port: .*/, `    hosts:\n${hosts(nobody, postgres.port)}`),
    );
    const half = await examine(bench);
    const reach = half.checks.filter(({ name }) => name === 'source.reachable');
    assert.deepEqual(
      reach.map(({ status }) => status),
      ['warning', 'ok'],
    );
    bench.editConfig((text) => text.replace(hosts(nobody), hosts(stranger.port)));
    assert.equal((await examine(bench)).of('source.identity').status, 'problem');
  },
  one,
);

testEachMajor(
  'a slot that lost its log and a damaged commit are problems',
  async (major) => {
    const settings = { min_wal_size: '32MB', max_wal_size: '32MB' };
    await using postgres = await startPostgres({ major, settings });
    using bench = new Workbench();
    await bench.init(postgres);
    const { snapshot } = await bench.json<BackupResult>('backup');
    // The backup made sure of the slot, since follow is configured.
    await postgres.sql("alter system set max_slot_wal_keep_size = '1MB'");
    await postgres.sql('select pg_reload_conf()');
    for (let round = 0; round < 6; round++) {
      await postgres.sql('create table if not exists t (i int); insert into t values (1)');
      await postgres.sql('select pg_switch_wal()');
    }
    await postgres.sql('checkpoint');
    const lost = (await examine(bench)).of('slot.retained');
    assert.equal(lost.status, 'problem');
    assert.match(lost.message, /lost/);

    const commit = join(bench.repository, 'lineages', snapshot.lineage, 'snapshots');
    const [name] = readdirSync(commit);
    const path = join(commit, name!);
    chmodSync(path, 0o600);
    writeFileSync(path, '{}');
    const damaged = await examine(bench);
    assert.equal(damaged.of('snapshot.chain').status, 'problem');
    assert.equal(damaged.of('snapshot.newest').status, 'problem');
    const list = await bench.run('list');
    assert.match(list.err, /warning: A snapshot is not listed/);
    const { code, exit } = await bench.refusal('show', snapshot.id);
    assert.equal(code, 'OBJECT_CORRUPT');
    assert.equal(exit, 5);
  },
  one,
);

test('a repository that does not open does not keep the servers from being looked at', async () => {
  using bench = new Workbench();
  const port = String(await freePort());
  await bench.json('init', '--host', '127.0.0.1', '--port', port);
  writeFileSync(
    join(bench.directory, 'holdfast.key'),
    `${Buffer.alloc(32, 7).toString('base64')}\n`,
  );
  const { exit, of } = await examine(bench);
  assert.equal(exit, 8);
  assert.equal(of('repository.store').status, 'ok');
  assert.equal(of('repository.key').status, 'problem');
  assert.equal(of('source.reachable').status, 'problem');
});

test('doctor changes no object, and tidies what its probes left a day ago', async () => {
  using bench = new Workbench();
  const port = String(await freePort());
  await bench.json('init', '--host', '127.0.0.1', '--port', port);
  const probes = join(bench.repository, 'probe');
  const objects = () =>
    readdirSync(bench.repository, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('probe'))
      .sort();
  const before = objects();
  await examine(bench);
  assert.deepEqual(objects(), before);
  const old = Date.now() / 1000 - 2 * 86_400;
  for (const name of readdirSync(probes, { recursive: true, encoding: 'utf8' })) {
    utimesSync(join(probes, name), old, old);
  }
  await examine(bench);
  assert.equal(readdirSync(probes).length, 1);
});
