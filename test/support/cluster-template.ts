import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { ServerBinaries } from '../../src/engines/postgres/server/binaries.ts';
import { initdb } from '../../src/engines/postgres/server/initdb.ts';
import { runProgram } from '../../src/engines/postgres/server/run-program.ts';
import type { ServerUser } from '../../src/engines/postgres/server/server-user.ts';
import { crc32c } from '../../src/engines/postgres/wal/crc32c.ts';
import { temporaryDirectory } from './temporary.ts';

interface ClusterOptions {
  readonly binaries: ServerBinaries;
  readonly user: ServerUser | undefined;
  readonly superuser: string;
  readonly args: readonly string[];
}

const SHARED = 'HOLDFAST_TEST_TEMPLATES';

/** For the processes this one starts: what one of them made by initdb serves them all. */
export function shareClusterTemplates(): void {
  process.env[SHARED] ??= temporaryDirectory();
}

/**
 * What initdb would make in the empty `dataDir`, for the price of a copy: initdb runs once for each
 * version and arguments. Only the system identifier is the copy's own, as it is in life.
 */
export async function createCluster(
  options: ClusterOptions & { readonly dataDir: string },
): Promise<void> {
  const { dataDir } = options;
  const template = await clusterTemplate(options);
  const copied = await runProgram('cp', ['-Rp', `${template}/.`, dataDir]);
  if (copied.exitCode !== 0) throw new Error(`cp ${template}: ${copied.reason}`);
  await giveIdentity(dataDir);
}

const templates = new Map<string, Promise<string>>();

function clusterTemplate(options: ClusterOptions): Promise<string> {
  const { binaries, user, superuser, args } = options;
  const facts = JSON.stringify([binaries.initdb, binaries.version, user?.uid, superuser, args]);
  const key = createHash('sha256').update(facts).digest('hex').slice(0, 16);
  const made = templates.get(key) ?? makeTemplate(`${binaries.major}-${key}`, options);
  templates.set(key, made);
  return made;
}

let own: string | undefined;

/** Made aside and moved in place whole; of two processes the slower takes the other's. */
async function makeTemplate(name: string, options: ClusterOptions): Promise<string> {
  const { user } = options;
  own ??= process.env[SHARED] ?? temporaryDirectory();
  const template = join(own, name);
  if (fs.existsSync(template)) return template;
  const aside = join(own, `${name}-${process.pid}`);
  await fs.promises.mkdir(aside, { mode: 0o700 });
  if (user) await fs.promises.chown(aside, user.uid, user.gid);
  await initdb({ ...options, dataDir: aside });
  for (const segment of await segmentsOf(aside)) await punchTail(segment);
  try {
    await fs.promises.rename(aside, template);
  } catch (error) {
    if (!fs.existsSync(template)) throw error;
    await fs.promises.rm(aside, { recursive: true });
  }
  return template;
}

async function segmentsOf(dataDir: string): Promise<string[]> {
  const names = await fs.promises.readdir(join(dataDir, 'pg_wal'));
  return names
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .map((name) => join(dataDir, 'pg_wal', name));
}

/** Most of the only segment is zeroes; as a hole they cost no copy anything. */
async function punchTail(segment: string): Promise<void> {
  const bytes = await fs.promises.readFile(segment);
  await fs.promises.truncate(segment, bytes.findLastIndex((byte) => byte !== 0) + 1);
  await fs.promises.truncate(segment, bytes.length);
}

/** Where pg_control's checksum stands, by its version (see control-file.ts). */
const CRC_OFFSETS: Readonly<Record<number, number>> = { 1300: 288, 1700: 288, 1800: 292 };
/** In the long header that begins each WAL segment. */
const SYSTEM_IDENTIFIER_OFFSET = 24;

/** Clusters of one identifier would pass for each other in the tests that must tell them apart. */
async function giveIdentity(dataDir: string): Promise<void> {
  const path = join(dataDir, 'global', 'pg_control');
  const control = await fs.promises.readFile(path);
  const crcOffset = CRC_OFFSETS[control.readUInt32LE(8)];
  if (crcOffset === undefined) throw new Error(`${path} is of an unknown version`);
  const before = Buffer.from(control.subarray(0, 8));
  // Seconds since 1970 above 32 random bits: where initdb puts its microseconds and pid.
  control.writeUInt32LE(Math.floor(Date.now() / 1000), 4);
  randomBytes(4).copy(control, 0);
  control.writeUInt32LE(crc32c(control.subarray(0, crcOffset)), crcOffset);
  await overwrite(path, control, 0);
  for (const segment of await segmentsOf(dataDir)) {
    const bytes = await readStart(segment, SYSTEM_IDENTIFIER_OFFSET + 8);
    if (!bytes.subarray(SYSTEM_IDENTIFIER_OFFSET).equals(before)) continue;
    await overwrite(segment, control.subarray(0, 8), SYSTEM_IDENTIFIER_OFFSET);
  }
}

async function readStart(path: string, length: number): Promise<Buffer> {
  await using file = await fs.promises.open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer;
}

async function overwrite(path: string, bytes: Buffer, at: number): Promise<void> {
  await using file = await fs.promises.open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
}
