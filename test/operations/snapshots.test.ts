import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  BackupResult,
  DeleteResult,
  KeyAddResult,
  ListResult,
  RestoreResult,
  ShowResult,
  VerifyResult,
  WindowResult,
} from '../../src/operations/contract.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { Workbench } from './workbench.ts';

const one = { from: 18 } as const;

testEachMajor(
  'two snapshots are listed, shown, verified and deleted',
  async (major) => {
    await using postgres = await startPostgres({ major, initdb: ['--data-checksums'] });
    using bench = new Workbench();
    await bench.init(postgres);
    await postgres.sql('create table t as select i, md5(i::text) from generate_series(1, 20000) i');
    const first = await bench.json<BackupResult>('backup');
    await postgres.sql('update t set i = -i where i % 7 = 0; checkpoint');
    const second = await bench.json<BackupResult>('backup');

    const { snapshots, warnings } = await bench.json<ListResult>('list');
    assert.deepEqual(snapshots, [first.snapshot, second.snapshot]);
    assert.deepEqual(warnings, []);
    assert.deepEqual((await bench.json<ListResult>('list', 'main')).snapshots, snapshots);

    const shown = await bench.json<ShowResult>('show', second.snapshot.id.slice(0, 8));
    assert.deepEqual(shown.snapshot, second.snapshot);
    assert.equal(shown.snapshot.parent, first.snapshot.id);
    assert.equal(shown.dataChecksums, true);
    const identifier = 'select system_identifier from pg_control_system()';
    assert.equal(shown.systemIdentifier, await postgres.value(identifier));

    const { lineages } = await bench.json<WindowResult>('window');
    assert.equal(lineages[0]?.timelines[0]?.ranges[0]?.snapshot, first.snapshot.id);

    for (const level of ['V1', 'V2', 'V3']) {
      const report = await bench.json<VerifyResult>('verify', '--all', '--level', level);
      assert.deepEqual(
        report.snapshots.map(({ id, problems }) => ({ id, problems })),
        snapshots.map(({ id }) => ({ id, problems: [] })),
      );
    }

    const planned = await bench.json<DeleteResult>('delete', first.snapshot.id, '--dry-run');
    assert.match(planned.warnings[0]?.message ?? '', /shrinks from .* to /);
    assert.deepEqual((await bench.json<ListResult>('list')).snapshots, snapshots);
    const deleted = await bench.json<DeleteResult>('delete', first.snapshot.id);
    assert.deepEqual({ ...deleted, dryRun: true }, planned);
    assert.deepEqual((await bench.json<ListResult>('list')).snapshots, [second.snapshot]);
    const only = await bench.json<DeleteResult>('delete', second.snapshot.id, '--dry-run');
    assert.match(only.warnings[0]?.message ?? '', /only snapshot/);
    const left = await bench.json<VerifyResult>('verify', '--level', 'V3');
    assert.equal(left.ok, true);
  },
  one,
);

// Research §4.3 #19.
testEachMajor(
  'a timeline whose history is lost is told by window, doctor and restore',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    const { snapshot: before } = await bench.json<BackupResult>('backup');
    await postgres.stop();
    writeFileSync(join(postgres.dataDir, 'recovery.signal'), '');
    await postgres.start({ restore_command: 'false' });
    const { snapshot: after } = await bench.json<BackupResult>('backup');
    assert.equal(after.timeline, 2);
    const files = readdirSync(bench.repository, { recursive: true, encoding: 'utf8' });
    const history = join(bench.repository, files.find((name) => name.endsWith('.history'))!);
    const sound = readFileSync(history);

    const told = async (message: RegExp) => {
      const { warnings, lineages } = await bench.json<WindowResult>('window');
      assert.match(warnings[0]?.message ?? '', message);
      assert.deepEqual(
        lineages[0]?.timelines.map(({ timeline }) => timeline),
        [1],
      );
      const { out, code } = await bench.run('doctor');
      assert.equal(code, 8);
      assert.match(out, new RegExp(`PROBLEM .*${message.source}`));
      const to = join(bench.directory, 'back');
      const plan = await bench.json<RestoreResult>('restore', 'main', '--to', to, '--dry-run');
      assert.equal(plan.snapshot.id, before.id);
      assert.match(plan.warnings.map((one) => one.message).join(), message);
    };
    rmSync(history);
    await told(/Timeline 2 cannot be restored.* holds no history of timeline 2/);
    writeFileSync(history, sound.subarray(0, -1));
    await told(/Timeline 2 cannot be restored.*altered/);
  },
  one,
);

// Trap 14.
testEachMajor(
  'damage fails a verification, and restore refuses until it is gone',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    const { snapshot } = await bench.json<BackupResult>('backup');
    const pack = largest(join(bench.repository, 'packs'));
    const sound = readFileSync(pack);
    const damaged = Buffer.from(sound);
    damaged[1000] = damaged[1000]! ^ 1;
    rmSync(pack);
    writeFileSync(pack, damaged);

    const ran = await bench.run('verify', '--level', 'V1', '--json');
    assert.equal(ran.code, 5);
    const report = JSON.parse(ran.out) as VerifyResult;
    assert.match(report.snapshots[0]?.problems.join() ?? '', /packs\/.*SHA-256/);
    const text = await bench.run('verify', snapshot.id.slice(0, 6), '--level', 'V3');
    assert.equal(text.code, 5);
    assert.match(text.out, /DAMAGED .*main/);

    const to = join(bench.directory, 'back');
    const restore = ['restore', 'main', '--to', to, '--latest', '--dry-run'];
    const refused = await bench.refusal(...restore);
    assert.equal(refused.code, 'SNAPSHOT_FAILED_VERIFICATION');
    assert.equal((await bench.run(...restore, '--despite-failed-verification')).code, 0);

    rmSync(pack);
    writeFileSync(pack, sound);
    await bench.json('verify', '--level', 'V1');
    assert.equal((await bench.refusal(...restore)).code, 'SNAPSHOT_FAILED_VERIFICATION');
    await bench.json('verify', '--level', 'V3');
    assert.equal((await bench.run(...restore)).code, 0);
  },
  one,
);

testEachMajor(
  'a page that was damaged on the server is found by its checksum',
  async (major) => {
    await using postgres = await startPostgres({ major, initdb: ['--data-checksums'] });
    using bench = new Workbench();
    await bench.init(postgres);
    await postgres.sql('create table t as select i from generate_series(1, 20000) i');
    const file = await postgres.value("select pg_relation_filepath('t')");
    await postgres.stop();
    const path = join(postgres.dataDir, file);
    const bytes = readFileSync(path);
    bytes[3 * 8192 + 5000] = bytes[3 * 8192 + 5000]! ^ 0xff;
    writeFileSync(path, bytes);
    await postgres.start();
    const { warnings } = await bench.json<BackupResult>('backup');
    assert.match(warnings.map(({ message }) => message).join(), /1 damaged page/);
    const { code, out } = await bench.run('verify', '--level', 'V3', '--json');
    assert.equal(code, 5);
    const [snapshot] = (JSON.parse(out) as VerifyResult).snapshots;
    assert.equal(snapshot?.problems.length, 1);
    assert.match(snapshot?.problems[0] ?? '', new RegExp(`checksum .*${file}, page 3`));
  },
  one,
);

// Trap 17.
testEachMajor(
  'a writer key takes backups and reads none of them',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    const added = await bench.json<KeyAddResult>(
      ...['key', 'add', '--role', 'writer', '--key-file', 'db1.key'],
    );
    assert.equal(added.key.created, true);
    assert.equal(statSync(join(bench.directory, 'db1.key')).mode & 0o777, 0o600);
    const twice = await bench.refusal('key', 'add', '--key-file', 'db1.key');
    assert.equal(twice.code, 'KEY_FILE_EXISTS');
    bench.editConfig((text) => text.replace('holdfast.key', 'db1.key'));
    await bench.json('backup');
    assert.equal((await bench.json<ListResult>('list')).snapshots.length, 1);
    assert.equal((await bench.refusal('verify', '--level', 'V3')).code, 'KEY_WRITE_ONLY');
    await bench.json('verify', '--level', 'V1');
    const more = await bench.refusal('key', 'add', '--key-file', 'more.key');
    assert.equal(more.code, 'KEY_WRITE_ONLY');
    assert.deepEqual(
      readdirSync(bench.directory).filter((name) => name.includes('more')),
      [],
    );
  },
  one,
);

function largest(directory: string): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return files.reduce((a, b) => (statSync(a).size >= statSync(b).size ? a : b));
}
