import type { Host } from '../../../host/host.ts';
import type { Connection } from '../protocol/connection.ts';

/** A rung of the proof ladder (docs/design/03-recovery.md) that a check belongs to. */
export type CheckLevel = 'L2' | 'L3' | 'L4';

/** One question put to a restored server; standing facts, never a repair. */
export interface Check {
  readonly name: string;
  readonly level: CheckLevel;
  run(context: CheckContext): Promise<Finding>;
}

export interface Finding {
  readonly ok: boolean;
  /** For people: what was looked at, or what is wrong and where. */
  readonly detail: string;
  /** Pages, rows, relations, keys: what the check counts. */
  readonly counted: number;
}

export interface CheckResult extends Finding {
  readonly name: string;
  readonly level: CheckLevel;
  readonly seconds: number;
}

export interface CheckContext {
  readonly host: Host;
  readonly dataDir: string;
  /** A session as superuser. */
  connect(database: string): Promise<Connection>;
  readonly signal?: AbortSignal | undefined;
}
