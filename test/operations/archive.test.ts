import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { machine } from '../../src/host/host.ts';
import type { WalFetchResult, WalPushResult } from '../../src/operations/contract.ts';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { MAIN } from './process.ts';
import { Workbench } from './workbench.ts';

testEachMajor(
  'archive_command stores what restore_command fetches',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    own(bench.directory, postgres);
    await postgres.stop();
    await postgres.start({
      archive_mode: 'on',
      archive_command: `${process.execPath} ${MAIN} --config ${bench.configFile} wal-push %p`,
    });
    const names: string[] = [];
    for (let round = 0; round < 3; round++) {
      await postgres.sql(`create table t${round} as select generate_series(1, 1000)`);
      names.push(await postgres.value('select pg_walfile_name(pg_switch_wal())'));
    }
    const last = names.at(-1)!;
    await archived(postgres, last);

    const directory = join(bench.directory, 'other', 'pg_wal');
    mkdirSync(directory, { recursive: true });
    const place = join(directory, 'RECOVERYXLOG');
    for (const name of names) {
      const result = await bench.json<WalFetchResult>('wal-fetch', name, place);
      assert.equal(result.status, 'fetched');
      assert.deepEqual(readFileSync(place), readFileSync(join(postgres.dataDir, 'pg_wal', name)));
    }
    const absent = await bench.run('wal-fetch', '000000010000000000000FFF', place);
    assert.equal(absent.code, 3);
    assert.equal((await bench.run('wal-fetch', '00000002.history', place)).code, 3);

    const again = await bench.json<WalPushResult>(
      ...['wal-push', join(postgres.dataDir, 'pg_wal', last)],
    );
    assert.deepEqual(again.already, [last]);
  },
  { from: 18 },
);

testEachMajor(
  'another cluster’s log is refused, and asking for it never looks like the end of the log',
  async (major) => {
    await using mine = await startPostgres({ major });
    await using other = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(mine);
    const push = async (postgres: TestPostgres) => {
      const name = await postgres.value('select pg_walfile_name(pg_switch_wal())');
      return join(postgres.dataDir, 'pg_wal', name);
    };
    const first = await push(mine);
    await bench.json('wal-push', first);
    const foreign = await bench.refusal('wal-push', await push(other));
    assert.equal(foreign.code, 'WAL_ARCHIVE_FOREIGN');
    assert.equal(foreign.exit, 6);
    const asked = await bench.refusal(
      ...['wal-fetch', '000000010000000000000001', join(other.dataDir, 'pg_wal', 'RECOVERYXLOG')],
    );
    assert.equal(asked.code, 'WAL_ARCHIVE_FOREIGN');
    assert.equal(asked.exit, 206);
  },
  { from: 18 },
);

testEachMajor(
  'neither a repository that cannot be asked nor an unknown source is the end of the log',
  async (major) => {
    await using postgres = await startPostgres({ major });
    using bench = new Workbench();
    await bench.init(postgres);
    const fetch = ['wal-fetch', '000000010000000000000001', join(bench.directory, 'RECOVERYXLOG')];
    const nothing = await bench.refusal(...fetch);
    assert.equal(nothing.code, 'NO_SNAPSHOT');
    assert.equal(nothing.exit, 203);
    writeFileSync(
      join(bench.directory, 'holdfast.key'),
      `${Buffer.alloc(32, 9).toString('base64')}\n`,
    );
    assert.equal((await bench.refusal(...fetch)).exit, 207);
    rmSync(bench.repository, { recursive: true });
    const gone = await bench.refusal(...fetch);
    assert.equal(gone.code, 'STORE_UNAVAILABLE');
    assert.equal(gone.exit, 204);
  },
  { from: 18 },
);

/** What the server runs must get at configuration, key and repository. */
function own(directory: string, { node }: TestPostgres): void {
  if (!node.user) return;
  const { uid, gid } = node.user;
  chownSync(directory, uid, gid);
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(directory, entry), uid, gid);
  }
}

async function archived(postgres: TestPostgres, name: string): Promise<void> {
  for (let waited = 0; waited < 600; waited++) {
    const [[last, failed] = []] = await postgres.sql(
      'select last_archived_wal, last_failed_wal from pg_stat_archiver',
    );
    if ((last ?? '') >= name) return;
    assert.equal(failed, null, readLog(postgres));
    await machine.clock.sleep(50);
  }
  throw new Error(`${name} was not archived: ${readLog(postgres)}`);
}

const readLog = ({ server }: TestPostgres): string => readFileSync(server.logFile, 'utf8');
