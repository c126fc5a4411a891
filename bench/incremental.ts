/**
 * What an incremental snapshot stores after about 1 % of the pages changed, against what the
 * server's own WAL summaries say has changed. Prints one JSON line.
 *
 *     node bench/incremental.ts <PostgreSQL major> <gigabytes>
 */
import { machine } from '../src/host/host.ts';
import { Phases } from '../src/recovery/phases.ts';
import { temporaryRepository } from '../test/doubles/temporary-repository.ts';
import { snapshotOf, sourceOf } from '../test/recovery/scenario.ts';
import { startPostgres } from '../test/support/postgres.ts';

const [major = 18, gigabytes = 1] = process.argv.slice(2).map(Number);
const PAGE = 8192;

await using place = await temporaryRepository();
const { repository } = place;
await using postgres = await startPostgres({
  major,
  initdb: ['--data-checksums'],
  settings: {
    max_wal_size: '8GB',
    shared_buffers: '256MB',
    wal_level: 'replica',
    ...(major >= 17 && { summarize_wal: 'on' }),
  },
});
await postgres.sql('create table bulk (i bigint, note text) with (fillfactor = 90)');
const rows = Math.floor((gigabytes * 1e9) / 190);
for (let from = 0; from < rows; from += 500_000) {
  await postgres.sql(`insert into bulk select i, md5(i::text) || repeat(md5((i * 7)::text), 3)
    from generate_series(${from}, ${Math.min(from + 500_000, rows) - 1}) i`);
}
await postgres.sql('vacuum (freeze) bulk');
await postgres.sql('checkpoint');
const source = sourceOf(postgres);
const phases = new Phases(machine.clock);
const full = await phases.measure('full', () => snapshotOf(repository, source));
const total = Number(await postgres.value(`select pg_relation_size('bulk') / ${PAGE}`));
// One row on every hundredth page, spread evenly: pages, not rows, are what is counted.
await postgres.sql(`update bulk set i = -i where ctid = any (array(
  select format('(%s,1)', block)::tid from generate_series(0, ${total - 1}, 100) block))`);
await postgres.sql('checkpoint');
const incremental = await phases.measure('incremental', () => snapshotOf(repository, source));
const { startLsn } = incremental.document;
const summarized =
  major < 17
    ? null
    : Number(
        await postgres.value(`select count(distinct (relfilenode, reltablespace, reldatabase,
            relforknumber, relblocknumber))
          from pg_available_wal_summaries() s,
               pg_wal_summary_contents(s.tli, s.start_lsn, s.end_lsn) c
          where s.end_lsn > '${full.document.startLsn}' and s.start_lsn < '${startLsn}'
            and not c.is_limit_block`),
      );
const forks = Number(
  await postgres.value(`select coalesce(sum(
      pg_relation_size(oid, 'fsm') + pg_relation_size(oid, 'vm') + pg_relation_size(oid, 'init')), 0)
    from pg_class where relkind in ('r', 't', 'm', 'i', 'S')`),
);
const { pagesStored, bytesStored } = incremental.snapshot.stats;
const allowed = summarized === null ? null : summarized * PAGE + forks;
console.log(
  JSON.stringify({
    major,
    method: incremental.document.method,
    pagesTotal: total,
    pagesChanged: Math.ceil(total / 100),
    pagesSummarized: summarized,
    forkBytes: forks,
    pagesStored,
    ratio: allowed === null ? null : Number(((pagesStored * PAGE) / allowed).toFixed(3)),
    bytesStored: { full: full.snapshot.stats.bytesStored, incremental: bytesStored },
    seconds: phases.seconds,
  }),
);
