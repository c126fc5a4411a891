import type { TestPostgres } from '../support/postgres.ts';

/** The same numbers for the same seed (mulberry32). */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** 15 and later let a database have the id of one that was dropped: its paths are the same. */
const REUSED_OID = 70_000;
const ROWS = `select g as id, g % 100 as k, repeat(md5(g::text), 1 + g % 5) as filler, null::text as wide`;

/** What a cluster goes through between two snapshots: everything that treats files in its own way. */
export class RandomWork {
  readonly #postgres: TestPostgres;
  readonly #draw: (below: number) => number;
  readonly #tables = ['t0', 't1', 't2', 't3'];
  #named = 4;

  constructor(options: { readonly postgres: TestPostgres; readonly seed: number }) {
    this.#postgres = options.postgres;
    this.#draw = seededNumbers(options.seed);
  }

  async begin(): Promise<void> {
    await this.#postgres.addTablespace('elsewhere');
    for (const table of this.#tables) await this.#create(table);
    await this.#sql(
      'create sequence counted',
      `create table cut as select g as id, g as k, repeat('x', 1000) as filler, null::text as wide from generate_series(1, 1400) g`,
      `create unlogged table lost as ${ROWS} from generate_series(1, 500) g`,
      'create index on lost (id)',
      `select lo_from_bytea(n, decode(repeat(md5(n::text), 200), 'hex')) from generate_series(1001, 1020) n`,
      'vacuum',
    );
    // template0 and template1 have the same relation files: what is made of them differs only so.
    await this.#in(
      'template1',
      'create table only_here as select g as id from generate_series(1, 2000) g',
    );
    await this.#createDatabase();
  }

  /** Every kind of work once, in an order of its own each time. */
  async generation(): Promise<void> {
    const kinds = [
      () => this.#insert(),
      () => this.#update(),
      () => this.#delete(),
      () => this.#vacuum(),
      () => this.#truncate(),
      () => this.#replace(),
      () => this.#index(),
      () => this.#shrinkAndGrow(),
      () => this.#rewrite(),
      () => this.#toast(),
      () => this.#largeObjects(),
      () => this.#odds(),
      () => this.#createDatabase(),
    ];
    while (kinds.length > 0) {
      const [run] = kinds.splice(this.#draw(kinds.length), 1);
      await run?.();
    }
    await this.#vacuum();
    await this.#update();
  }

  async #insert(): Promise<void> {
    const rows = 200 + this.#draw(2_000);
    await this.#sql(`insert into ${this.#any()} ${ROWS} from generate_series(1, ${rows}) g`);
  }

  /** Scattered rows: bits of the visibility map are cleared, of which WAL names no page. */
  async #update(): Promise<void> {
    const set = this.#draw(2) ? 'k = k + 1' : `filler = reverse(filler)`;
    await this.#sql(`update ${this.#any()} set ${set} where id % ${7 + this.#draw(90)} = 0`);
  }

  async #delete(): Promise<void> {
    await this.#sql(`delete from ${this.#any()} where id % ${3 + this.#draw(20)} = 0`);
  }

  async #vacuum(): Promise<void> {
    const how = ['', '(freeze)', '(full)', '(index_cleanup on)'][this.#draw(4)];
    await this.#sql(`vacuum ${how} ${this.#any()}`);
  }

  async #truncate(): Promise<void> {
    const table = this.#any();
    await this.#sql(`truncate ${table}`);
    if (this.#draw(2)) {
      await this.#sql(`insert into ${table} ${ROWS} from generate_series(1, 300) g`);
    }
  }

  async #replace(): Promise<void> {
    const at = this.#draw(this.#tables.length);
    await this.#sql(`drop table ${this.#tables[at]}`);
    const name = `t${this.#named++}`;
    this.#tables[at] = name;
    await this.#create(name);
  }

  async #index(): Promise<void> {
    const table = this.#any();
    const method = ['btree', 'hash', 'brin', 'gin'][this.#draw(4)];
    const column = method === 'gin' ? '(array[k, id])' : 'id';
    await this.#sql(
      `create index on ${table} using ${method} (${column})`,
      `reindex table ${table}`,
    );
  }

  /** Some other table too, in whatever state it is. */
  async #shrinkAndGrow(): Promise<void> {
    await this.#cutAndFill('cut', 100);
    const table = this.#any();
    const rows = 100 + this.#draw(200);
    await this.#sql(
      `delete from ${table} where ctid > (select format('(%s,0)', pg_relation_size('${table}') / 8192 / 3)::tid)`,
      `vacuum ${table}`,
    );
    await this.#fill(table, rows);
  }

  /**
   * VACUUM gives the end of the file back, and a bulk load takes more pages than it fills: of
   * those no WAL is written, so only the truncation tells that they are not the parent's.
   */
  async #cutAndFill(table: string, rows: number): Promise<void> {
    await this.#sql(`delete from ${table} where id > 1000 or id < 10`, `vacuum ${table}`);
    await this.#fill(table, rows);
  }

  async #fill(table: string, rows: number): Promise<void> {
    await using session = await this.#postgres.connect();
    const row = Buffer.from(`7\t7\t${'z'.repeat(900)}\t\\N\n`);
    await session.copyIn(`copy ${table} from stdin`, Array<Buffer>(rows).fill(row));
  }

  /** New files under new names; the old ones go at the next checkpoint. */
  async #rewrite(): Promise<void> {
    const table = this.#any();
    const space = this.#draw(2) ? 'elsewhere' : 'pg_default';
    await this.#sql(
      `vacuum full ${table}`,
      `alter table ${this.#any()} set tablespace ${space}`,
      `alter table ${table} alter column k type ${this.#draw(2) ? 'bigint' : 'int'}`,
    );
  }

  /** Wide values that do not compress, so that they leave the row. */
  async #toast(): Promise<void> {
    const wide = `(select string_agg(md5(random()::text), '') from generate_series(1, 200 + 0 * id))`;
    const table = this.#any();
    await this.#sql(
      `alter table ${table} alter column wide set storage external`,
      `update ${table} set wide = ${wide} where id % 50 = ${this.#draw(50)}`,
    );
  }

  async #largeObjects(): Promise<void> {
    const one = 1001 + this.#draw(20);
    await this.#sql(
      `select lo_put(oid, ${this.#draw(3_000)}, decode(md5(random()::text), 'hex')) from pg_largeobject_metadata where oid >= ${one}`,
      `select lo_unlink(oid) from (select oid from pg_largeobject_metadata order by oid desc limit 1) o`,
      `select lo_from_bytea(0, decode(repeat(md5(random()::text), 300), 'hex'))`,
    );
  }

  async #odds(): Promise<void> {
    await this.#sql(
      `select nextval('counted') from generate_series(1, ${1 + this.#draw(50)})`,
      `insert into lost ${ROWS} from generate_series(1, 200) g`,
      'update lost set k = k + 1',
      `comment on table ${this.#any()} is 'seen ${this.#draw(1_000)}'`,
      'analyze',
    );
  }

  async #createDatabase(): Promise<void> {
    const { major } = this.#postgres;
    const options = [
      `template ${this.#draw(2) ? 'template0' : 'template1'}`,
      ...(major >= 15
        ? [`oid ${REUSED_OID}`, `strategy ${this.#draw(2) ? 'file_copy' : 'wal_log'}`]
        : []),
    ];
    await this.#sql(
      'drop database if exists reused with (force)',
      `create database reused ${options.join(' ')}`,
    );
    if (this.#draw(2) === 0) return;
    await this.#in(
      'reused',
      'create table written as select g as id from generate_series(1, 500) g',
    );
  }

  /** Leaves no session behind, which would keep the database from being copied or dropped. */
  async #in(database: string, statement: string): Promise<void> {
    await using session = await this.#postgres.connect(database);
    await session.query(statement);
  }

  async #create(table: string): Promise<void> {
    const rows = 1_000 + this.#draw(3_000);
    await this.#sql(
      `create table ${table} as ${ROWS} from generate_series(1, ${rows}) g`,
      `create index on ${table} (id)`,
    );
  }

  #any(): string {
    return this.#tables[this.#draw(this.#tables.length)]!;
  }

  /** Each statement in a transaction of its own, as VACUUM and CREATE DATABASE demand. */
  async #sql(...statements: string[]): Promise<void> {
    for (const statement of statements) await this.#postgres.sql(statement);
  }
}
