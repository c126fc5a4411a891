import { join } from 'node:path';
import { formatInstant, type Instant } from '../../../content/instant.ts';
import type { Host } from '../../../host/host.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import { quote } from './configuration.ts';
import type { Settings } from './isolation.ts';
import { giveTo, type ServerUser } from './server-user.ts';

/** Where PostgreSQL is to stop applying WAL. Without `inclusive: false`, what lies at it too. */
export type RecoveryTarget =
  | { readonly kind: 'end' }
  /** The end of the log that is served, which the caller cut where its backup ended. */
  | { readonly kind: 'consistency' }
  | { readonly kind: 'time'; readonly time: Instant; readonly inclusive?: boolean }
  | { readonly kind: 'lsn'; readonly lsn: Lsn; readonly inclusive?: boolean }
  | { readonly kind: 'xid'; readonly xid: number | bigint; readonly inclusive?: boolean }
  | { readonly kind: 'name'; readonly name: string };

/** What to do at the target. `end` has none: there PostgreSQL always promotes. */
export type RecoveryAction = 'promote' | 'pause' | 'shutdown';

export interface RecoveryPlan {
  readonly target: RecoveryTarget;
  /** Always a number: `latest` would follow whatever timeline appears in the archive. */
  readonly timeline: number;
  readonly action: RecoveryAction;
  /** With %f and %p. */
  readonly restoreCommand: string;
}

/** For startServer's command line, or for postgresql.auto.conf through `persistSettings`. */
export function recoverySettings(plan: RecoveryPlan): Settings {
  const { target, timeline, action, restoreCommand } = plan;
  return {
    restore_command: restoreCommand,
    recovery_target_timeline: String(timeline),
    recovery_target_action: action,
    ...targetSettings(target),
    ...('inclusive' in target && {
      recovery_target_inclusive: target.inclusive === false ? 'off' : 'on',
    }),
  };
}

function targetSettings(target: RecoveryTarget): Settings {
  switch (target.kind) {
    case 'end':
      return {};
    case 'consistency':
      // recovery_target = immediate would stop only before a further record or after the end of a
      // transaction, and a standby's backup may end with neither: then it never stops. An end of
      // the log that is not consistent PostgreSQL refuses by itself.
      return {};
    case 'time':
      // Read before the server knows any zone by name, Z included.
      return { recovery_target_time: formatInstant(target.time).replace('Z', '+00') };
    case 'lsn':
      return { recovery_target_lsn: formatLsn(target.lsn) };
    case 'xid':
      return { recovery_target_xid: String(target.xid) };
    case 'name':
      return { recovery_target_name: target.name };
  }
}

/** recovery.signal makes the next start recover from the archive and then open a new timeline. */
export async function requestRecovery(options: {
  readonly host: Host;
  readonly dataDir: string;
  readonly user: ServerUser | undefined;
}): Promise<void> {
  const { host, dataDir, user } = options;
  await host.fs.promises.rm(join(dataDir, 'standby.signal'), { force: true });
  await append({ host, path: join(dataDir, 'recovery.signal'), user, text: '' });
}

/** Appends to postgresql.auto.conf, where the last mention of a name counts. */
export async function persistSettings(options: {
  readonly host: Host;
  readonly dataDir: string;
  readonly user: ServerUser | undefined;
  readonly settings: Settings;
}): Promise<void> {
  const { host, dataDir, user, settings } = options;
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quote(value)}\n`);
  const path = join(dataDir, 'postgresql.auto.conf');
  await append({ host, path, user, text: `\n${lines.join('')}` });
}

/** Durable: after a power cut the server must not recover to another end than it was asked to. */
async function append(options: {
  readonly host: Host;
  readonly path: string;
  readonly user: ServerUser | undefined;
  readonly text: string;
}): Promise<void> {
  const { host, path, user, text } = options;
  const file = await host.fs.promises.open(path, 'a', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await giveTo({ host, path, user });
}
