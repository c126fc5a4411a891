import { type HoldfastError, isHoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';
import type { Connection } from '../protocol/connection.ts';
import { backoff } from './backoff.ts';
import { openBestServer, type SourceHosts } from './best-server.ts';
import type { JournalPosition } from './journal-recovery.ts';
import { advanceSlot, dropSlot, ensureSlot, isLost, type SlotState, slotLost } from './slot.ts';

export type SlotEvent =
  | { readonly kind: 'slot'; readonly state: SlotState }
  | { readonly kind: 'slot-created'; readonly state: SlotState }
  /** What lies between the receiver and the server's oldest log may be gone. */
  | { readonly kind: 'slot-lost'; readonly error: HoldfastError }
  | { readonly kind: 'slot-unreachable'; readonly error: unknown; readonly retryInMs: number };

export interface SlotKeeperOptions {
  readonly host: Host;
  /** `applicationName` differs from the receiver's: two of one name confuse synchronous commit. */
  readonly source: SourceHosts;
  readonly slot: string;
  /** How far the repository holds the log. */
  readonly uploaded: () => JournalPosition | undefined;
  readonly onEvent: (event: SlotEvent) => void;
  readonly intervalMs?: number;
  readonly maxRetryMs?: number;
}

const INTERVAL_MS = 10_000;
const MAX_RETRY_MS = 30_000;

/** Holds one slot over failovers: creates it where it is missing, moves it as uploads go on. */
export class SlotKeeper {
  readonly #options: SlotKeeperOptions;
  #state: SlotState | undefined;
  #failures = 0;
  #worked = false;

  constructor(options: SlotKeeperOptions) {
    this.#options = options;
  }

  /** As it was last seen. */
  get state(): SlotState | undefined {
    return this.#state;
  }

  /** One look and one move; creates the slot. For `follow` before its receiver starts. */
  async once(signal?: AbortSignal): Promise<SlotState> {
    const connection = await this.#connect(signal);
    try {
      return await this.#round(connection);
    } finally {
      await connection.close();
    }
  }

  /**
   * Until told to stop; rejects for what the person must correct, if it never worked before: a
   * receiver that commits wait for must not end because its slot does.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { host, onEvent, intervalMs = INTERVAL_MS, maxRetryMs = MAX_RETRY_MS } = this.#options;
    while (!signal.aborted) {
      try {
        await using connection = await this.#connect(signal);
        while (!signal.aborted) {
          await this.#round(connection);
          this.#failures = 0;
          await host.clock.sleep(intervalMs, signal);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!isHoldfastError(error) || (isForPeople(error) && !this.#worked)) throw error;
        const retryInMs = backoff({ host, attempt: this.#failures++, maxMs: maxRetryMs });
        onEvent({ kind: 'slot-unreachable', error, retryInMs });
        await host.clock.sleep(retryInMs, signal).catch(() => undefined);
      }
    }
  }

  async #connect(signal: AbortSignal | undefined): Promise<Connection> {
    const { host, source } = this.#options;
    const opened = await openBestServer({ host, source, replication: 'database', signal });
    return opened.connection;
  }

  async #round(connection: Connection): Promise<SlotState> {
    const { slot, onEvent, uploaded } = this.#options;
    let { created, state } = await ensureSlot(connection, slot);
    if (isLost(state)) {
      onEvent({
        kind: 'slot-lost',
        error: slotLost(connection, slot, `wal_status is ${state.status}`),
      });
      await dropSlot(connection, slot);
      ({ created, state } = await ensureSlot(connection, slot));
    }
    if (created) onEvent({ kind: 'slot-created', state });
    const restartLsn = await advanceSlot(connection, state, uploaded());
    const retained = state.server.lsn - restartLsn;
    this.#state = { ...state, restartLsn, retainedBytes: retained > 0n ? retained : 0n };
    this.#worked = true;
    onEvent({ kind: 'slot', state: this.#state });
    return this.#state;
  }
}

const isForPeople = ({ kind }: HoldfastError): boolean =>
  kind === 'conflict' || kind === 'usage' || kind === 'denied';
