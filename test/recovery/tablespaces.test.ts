import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { testEachMajor } from '../support/majors.ts';
import { startPostgres } from '../support/postgres.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { problemsOf } from './checks.ts';
import { column, digestOf, inDatabase } from './digest.ts';
import { restoreTo, snapshotOf, sourceOf, temporaryRepository } from './scenario.ts';

const target = { kind: 'latest' } as const;

testEachMajor(
  'tablespaces go where they are mapped, and nowhere else',
  async (major, context) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major });
    const fast = await postgres.addTablespace('fast');
    const slow = await postgres.addTablespace('slow');
    await postgres.sql(
      'create table f tablespace fast as select g as id from generate_series(1, 3000) g',
    );
    await postgres.sql(
      'create table s tablespace slow as select g as id from generate_series(1, 3000) g',
    );
    await postgres.sql('create index on s (id) tablespace fast');
    await snapshotOf(repository, sourceOf(postgres));
    const here = temporaryDirectory();
    const at = (name: string) => join(here, name);
    const mapped = (...pairs: [string, string][]) => ({
      repository,
      target,
      directory: at('data'),
      tablespaces: new Map(pairs),
    });
    const refuses = (title: string, pairs: [string, string][], code: string) =>
      context.test(title, async () => {
        await assert.rejects(restoreTo(mapped(...pairs)), { code });
        assert.deepEqual(await fs.readdir(here), [], 'nothing was made');
      });

    await refuses('its own place is in use', [[fast, at('f')]], 'TABLESPACE_NOT_EMPTY');
    await refuses(
      'two in one place',
      [
        [fast, at('x')],
        [slow, `${at('x')}/`],
      ],
      'TABLESPACE_COLLISION',
    );
    await refuses(
      'in the data directory’s place',
      [
        [fast, at('data')],
        [slow, at('s')],
      ],
      'TABLESPACE_COLLISION',
    );
    await refuses(
      'a slip of the pen',
      [
        [`${fast}s`, at('f')],
        [slow, at('s')],
      ],
      'TABLESPACE_UNKNOWN',
    );

    await context.test('mapped, in use, and started again', async () => {
      const digest = await digestOf(postgres);
      await using restored = await restoreTo(mapped([fast, at('f')], [slow, at('deep/er/s')]));
      assert.deepEqual(await digestOf(restored.server!), digest);
      assert.deepEqual(await problemsOf(restored), []);
      const links = join(restored.directory, 'pg_tblspc');
      const targets = await Promise.all(
        (await fs.readdir(links)).sort().map((oid) => fs.readlink(join(links, oid))),
      );
      assert.deepEqual(targets, [at('f'), at('deep/er/s')]);
      await inDatabase(restored.server!, 'postgres', async (session) => {
        const [file = ''] = await column(session, `select pg_relation_filepath('s')`);
        const real = await fs.realpath(join(restored.directory, file));
        assert.ok(real.startsWith(at('deep/er/s')), real);
        assert.ok((await fs.stat(real)).size > 0);
        await session.query(
          'insert into s values (0); create table again tablespace slow as select 1',
        );
      });
      await restored.server!.stop();
    });
  },
  { quick: [14, 18] },
);

// A developer's setting: a folder in pg_tblspc, not a link.
testEachMajor(
  'a tablespace made in place stays in place',
  async (major) => {
    await using temporary = await temporaryRepository();
    const { repository } = temporary;
    await using postgres = await startPostgres({ major });
    // In the configuration, since recovery asks for it too.
    await postgres.sql('alter system set allow_in_place_tablespaces = on');
    await postgres.sql('select pg_reload_conf()');
    await postgres.sql('set allow_in_place_tablespaces = on');
    await postgres.sql(`create tablespace inside location ''`);
    await postgres.sql(
      'create table t tablespace inside as select g as id from generate_series(1, 3000) g',
    );
    const { document } = await snapshotOf(repository, sourceOf(postgres));
    assert.equal(document.tablespaces.length, 1);
    await using restored = await restoreTo({ repository, target, tablespaces: new Map() });
    assert.deepEqual(await digestOf(restored.server!), await digestOf(postgres));
    const links = join(restored.directory, 'pg_tblspc');
    const [entry] = await fs.readdir(links, { withFileTypes: true });
    assert.ok(entry?.isDirectory());
  },
  { from: 18 },
);
