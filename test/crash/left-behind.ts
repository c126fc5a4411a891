import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, readPostmasterFile } from '../../src/engines/postgres/server/postmaster-file.ts';
import type { Server } from '../../src/engines/postgres/server/server.ts';
import { chooseServerUser } from '../../src/engines/postgres/server/server-user.ts';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import { machine } from '../../src/host/host.ts';
import { settleTree } from '../../src/recovery/place/settle.ts';
import { digestOf } from '../recovery/digest.ts';
import { launchPlaced } from '../recovery/scenario.ts';
import { digestThenStop } from './commands.ts';

const PATIENCE_MS = 60_000;

/** What a killed restore left in its place. */
export type LeftBehind =
  /** No server starts on it. */
  | { readonly kind: 'nothing' }
  /** A server that is started on it by hand holds this. */
  | { readonly kind: 'starts'; readonly digest: readonly string[] }
  /** The server of `--start`, which had recovered, outlived the command. */
  | { readonly kind: 'runs'; readonly digest: readonly string[] };

export async function leftBehind(dataDir: string, major: number): Promise<LeftBehind> {
  const running = await outcomeOfRunning(dataDir);
  if (running) return { kind: 'runs', digest: running };
  await makeServers(dataDir);
  let server: Server;
  try {
    server = await launchPlaced({ directory: dataDir, major });
  } catch (error) {
    // Refused by us or by PostgreSQL; anything else is a failure of the test.
    if (!isHoldfastError(error) || error.code === 'POSTGRES_BINARIES_ABSENT') throw error;
    return { kind: 'nothing' };
  }
  return { kind: 'starts', digest: await digestThenStop(server) };
}

/** That root wrote the files must not be all that keeps a server from starting on them. */
async function makeServers(dataDir: string): Promise<void> {
  const owner = await chooseServerUser({ host: machine, dataDir });
  if (owner) await settleTree({ host: machine, root: dataDir, mode: 0o700, owner });
}

/** A server that recovers without its restore ends by itself, or it has all it needs and goes on. */
async function outcomeOfRunning(dataDir: string): Promise<readonly string[] | undefined> {
  const giveUp = performance.now() + PATIENCE_MS;
  for (;;) {
    const file = await readPostmasterFile({ host: machine, dataDir });
    if (!file || !(await isAlive({ host: machine, pid: file.pid }))) return undefined;
    // Refused until it has recovered.
    const digest = await digestOf(file).catch(() => undefined);
    if (digest) return digest;
    if (performance.now() > giveUp)
      throw new Error(`the server on ${dataDir} neither recovers nor ends`);
    await sleep(50);
  }
}
