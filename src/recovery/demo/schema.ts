export const DEMO_DATABASE = 'postgres';
/** What the accident takes: no other table refers to it. */
export const DROPPED_TABLE = 'price_list';

/**
 * The demo's database: tables with keys, checks, foreign keys, a large object and an index of
 * each common kind, so that every check of the proof ladder has something to say.
 */
export const DEMO_SCHEMA = `
create table customers (
  id bigint primary key,
  name text not null,
  email text not null unique,
  joined date not null default current_date
);
create table accounts (
  id bigint primary key,
  customer bigint not null references customers,
  balance numeric(14, 2) not null default 0 check (balance >= 0)
);
create index on accounts (customer);
create table documents (
  id bigint generated always as identity primary key,
  customer bigint not null references customers,
  body jsonb not null
);
create index on documents using gin (body);
create table transfers (
  id bigint primary key,
  account bigint not null references accounts,
  amount numeric(14, 2) not null check (amount <> 0),
  at timestamptz not null default clock_timestamp()
);
create table price_list (item text primary key, price numeric(14, 2) not null);
`;

/** About `scale` MB of heap and indexes. */
export function demoRows(scale: number): readonly string[] {
  const customers = scale * 400;
  return [
    `insert into customers
       select i, 'Customer ' || i, 'customer' || i || '@example.org'
       from generate_series(1, ${customers}) i`,
    `insert into accounts select i, i, 1000 from generate_series(1, ${customers}) i`,
    `insert into documents (customer, body)
       select 1 + i % ${customers},
              jsonb_build_object('n', i, 'note', repeat(md5(i::text), 8))
       from generate_series(1, ${customers * 3}) i`,
    `insert into price_list select 'item ' || i, i from generate_series(1, 500) i`,
    `select lo_from_bytea(0, decode(repeat('00ff', 100000), 'hex'))`,
    'vacuum analyze',
  ];
}
