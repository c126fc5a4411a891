import { openSession, type PostgresSource } from '../../capture/source.ts';
import { type Instant, instantOfMillis } from '../../content/instant.ts';
import type { Connection } from '../../engines/postgres/protocol/connection.ts';
import type { Clock } from '../../host/clock.ts';

/** A commit the server acknowledged: the promise a restore is held to. */
export interface AcknowledgedCommit {
  readonly id: number;
  /** Never after COMMIT was sent, never before it was answered, by this machine's clock. */
  readonly sent: Instant;
  readonly acknowledged: Instant;
}

/**
 * Clients that each move money in one transaction after another and note every acknowledgement.
 * A transaction whose answer never came is unknown, and nobody is promised it.
 */
export class Workload {
  readonly commits: AcknowledgedCommit[] = [];
  readonly #clock: Clock;
  readonly #clients: Promise<void>[] = [];
  #running = true;
  #next = 1;

  static async start(options: {
    readonly source: PostgresSource;
    readonly clock: Clock;
    readonly clients: number;
    readonly accounts: number;
  }): Promise<Workload> {
    const workload = new Workload(options.clock);
    for (let client = 0; client < options.clients; client++) {
      const session = await openSession(options.source, { applicationName: 'demo-workload' });
      workload.#clients.push(workload.#run(session, options.accounts));
    }
    return workload;
  }

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lets transactions under way finish, or fail with the server. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
  }

  async #run(session: Connection, accounts: number): Promise<void> {
    try {
      while (this.#running) {
        const id = this.#next++;
        const sent = instantOfMillis(this.#clock.now());
        const account = 1 + ((id * 7919) % accounts);
        await session.query(
          `begin;
           insert into transfers (id, account, amount) values (${id}, ${account}, 1);
           update accounts set balance = balance + 1 where id = ${account};
           commit`,
        );
        this.commits.push({ id, sent, acknowledged: instantOfMillis(this.#clock.now() + 1) });
      }
      await session.close();
    } catch {
      // The disaster took the server away: what was not acknowledged was not promised.
    }
  }
}
