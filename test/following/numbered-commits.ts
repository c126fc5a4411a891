import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresSource } from '../../src/capture/source.ts';
import { openSession } from '../../src/capture/source.ts';
import { type Instant, instant, instantOfMillis } from '../../src/content/instant.ts';
import type { Connection } from '../../src/engines/postgres/protocol/connection.ts';
import type { TestPostgres } from '../support/postgres.ts';

/** A commit the server acknowledged. */
export interface NumberedCommit {
  readonly id: number;
  readonly xid: number;
  /** Not after COMMIT was sent, not before it was answered; server and test share a clock. */
  readonly sent: Instant;
  readonly acknowledged: Instant;
}

/** When the last of them was acknowledged. */
export const lastOf = (commits: readonly NumberedCommit[]): Instant =>
  instant(commits.reduce((last, { acknowledged }) => Math.max(last, acknowledged), 0));

export async function createCommitsTable(postgres: TestPostgres): Promise<void> {
  await postgres.sql('create table commits (id bigint primary key, filling text)');
}

/**
 * Clients that commit one number after another, at a pace that leaves the machine to others. What
 * was sent and never answered is unknown: nobody is promised it, and it may be there.
 */
export class NumberedCommits {
  readonly commits: NumberedCommit[] = [];
  readonly #clients: Promise<void>[] = [];
  readonly #pauseMs: number;
  #running = true;
  #next: number;

  static async start(options: {
    readonly source: PostgresSource;
    readonly clients?: number;
    readonly pauseMs?: number;
    /** Numbers that no other run uses. */
    readonly from?: number;
  }): Promise<NumberedCommits> {
    const { source, clients = 2, pauseMs = 4, from = 1 } = options;
    const run = new NumberedCommits(pauseMs, from);
    for (let client = 0; client < clients; client++) {
      run.#clients.push(run.#commit(await openSession(source, { applicationName: 'commits' })));
    }
    return run;
  }

  private constructor(pauseMs: number, from: number) {
    this.#pauseMs = pauseMs;
    this.#next = from;
  }

  /** Resolves once `count` more are acknowledged. */
  async more(count: number, withinMs = 60_000): Promise<void> {
    const wanted = this.commits.length + count;
    for (const started = performance.now(); this.commits.length < wanted; ) {
      if (performance.now() - started > withinMs) throw new Error(`no ${count} more commits`);
      await sleep(5);
    }
  }

  /** Resolves when every client ended: at once when the server is gone. */
  async stop(): Promise<readonly NumberedCommit[]> {
    this.#running = false;
    await Promise.all(this.#clients);
    return this.commits;
  }

  async #commit(session: Connection): Promise<void> {
    try {
      while (this.#running) {
        const id = this.#next++;
        const sent = instantOfMillis(Date.now());
        const sets = await session.query(
          `begin; insert into commits values (${id}, repeat('x', ${id % 300}));
           select pg_current_xact_id()::text::bigint % 4294967296; commit`,
        );
        const acknowledged = instantOfMillis(Date.now() + 1);
        const xid = Number(sets.find(({ columns }) => columns.length > 0)?.rows[0]?.[0]);
        this.commits.push({ id, xid, sent, acknowledged });
        await sleep(this.#pauseMs);
      }
      await session.close();
    } catch {
      // The server was taken away: what was not acknowledged was not promised.
    }
  }
}
