import { z } from 'zod';
import { HoldfastError, isHoldfastError } from '../../errors/holdfast-error.ts';
import { type Heartbeat, startHeartbeat } from '../heartbeat.ts';
import type { Repository } from '../repository.ts';
import { openJson, sealJson } from '../sealed-json.ts';

/**
 * sessions/<id>.json, mutable, sealed JSON: one run that collection must respect.
 *
 *   { "kind": "write" | "read", "parent": snapshot id or null, "holder": for people,
 *     "ttlMs", "started", "beats" }
 *
 * A writer names its parent here before it reads the parent's tombstones: collection reads
 * sessions after it wrote the tombstones, so one of the two sees the other.
 */
const SESSIONS = 'sessions/';

const schema = z.object({
  kind: z.enum(['write', 'read']),
  parent: z.string().nullable(),
  holder: z.string(),
  ttlMs: z.number().positive(),
  started: z.number(),
  beats: z.number().int(),
});
type SessionValue = z.infer<typeof schema>;

export interface SessionInfo extends SessionValue {
  readonly id: string;
  readonly lineage: string;
  /** Of the last sign of life, by the store's clock. */
  readonly modified: number;
  readonly version: string;
}

export interface BeginSessionOptions {
  readonly repository: Repository;
  /** Lineage id. */
  readonly lineage: string;
  readonly kind: 'write' | 'read';
  /** The snapshot whose objects this run relies on. */
  readonly parent: string | null;
  readonly holder: string;
  /** Default: 10 min. */
  readonly ttlMs?: number;
}

/** A live run. It beats every third of its TTL until `end`. */
export class Session implements AsyncDisposable {
  readonly id: string;
  readonly #repository: Repository;
  readonly #lineage: string;
  #value: SessionValue;
  #version: string;
  #lost = false;
  #heartbeat: Heartbeat | undefined;

  static async begin(options: BeginSessionOptions): Promise<Session> {
    const { repository, lineage, kind, parent, holder, ttlMs = 600_000 } = options;
    const { clock, random } = repository.host;
    const id = random.bytes(16).toString('hex');
    const value = { kind, parent, holder, ttlMs, started: clock.now(), beats: 0 };
    const key = sessionKey(id);
    const body = sealJson({ repository, lineage, key, value });
    const version = await repository.store.replace(key, body, null);
    const session = new Session({ id, repository, lineage, value, version });
    session.#start();
    return session;
  }

  private constructor(options: {
    id: string;
    repository: Repository;
    lineage: string;
    value: SessionValue;
    version: string;
  }) {
    this.id = options.id;
    this.#repository = options.repository;
    this.#lineage = options.lineage;
    this.#value = options.value;
    this.#version = options.version;
  }

  /** SESSION_LOST once a collection ended this session: what it relied on may be gone. */
  guard(): void {
    if (this.#lost) throw new HoldfastError('SESSION_LOST');
  }

  async end(): Promise<void> {
    await this.#heartbeat?.stop();
    try {
      await this.#repository.store.discard(sessionKey(this.id), this.#version);
    } catch (error) {
      // A beat whose response was lost, or a collection: it must not stay either way.
      if (!isHoldfastError(error, 'STORE_CHANGED')) throw error;
      const current = await this.#repository.store.read(sessionKey(this.id));
      if (current) await this.#repository.store.discard(sessionKey(this.id), current.version);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end().catch(() => undefined);
  }

  #start(): void {
    const { ttlMs } = this.#value;
    this.#heartbeat = startHeartbeat({
      clock: this.#repository.host.clock,
      firstAfter: ttlMs / 3,
      beat: async () => {
        try {
          await this.#beat();
          return ttlMs / 3;
        } catch {
          return this.#lost ? undefined : ttlMs / 12;
        }
      },
    });
  }

  async #beat(): Promise<void> {
    const key = sessionKey(this.id);
    const value = { ...this.#value, beats: this.#value.beats + 1 };
    const body = sealJson({ repository: this.#repository, lineage: this.#lineage, key, value });
    try {
      this.#version = await this.#repository.store.replace(key, body, this.#version);
      this.#value = value;
    } catch (error) {
      if (!isHoldfastError(error, 'STORE_CHANGED')) throw error;
      const current = await this.#repository.store.read(key);
      // Only this run writes its session, so another version is a beat whose response was lost.
      if (current === null) this.#lost = true;
      else this.#version = current.version;
      throw error;
    }
  }
}

/** Every session that was not ended, dead ones too: the reader judges by `modified` and TTL. */
export async function listSessions(options: { repository: Repository }): Promise<SessionInfo[]> {
  const { repository } = options;
  const sessions: SessionInfo[] = [];
  for await (const { key } of repository.store.list(SESSIONS)) {
    const found = await repository.store.read(key);
    if (found === null) continue;
    const { lineage, value } = openJson({ repository, key, body: found.body, schema });
    const id = key.slice(SESSIONS.length, -'.json'.length);
    sessions.push({ id, lineage, ...value, modified: found.modified, version: found.version });
  }
  return sessions;
}

/** Ends a dead session of another process. STORE_CHANGED when it was alive after all. */
export async function endDeadSession(options: {
  repository: Repository;
  session: Pick<SessionInfo, 'id' | 'version'>;
}): Promise<void> {
  await options.repository.store.discard(sessionKey(options.session.id), options.session.version);
}

function sessionKey(id: string): string {
  return `${SESSIONS}${id}.json`;
}
