import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { Host } from '../../../host/host.ts';

/** The user a server runs as when it is not this process's own. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/**
 * PostgreSQL refuses to run as root. Undefined: this process's own user will do. For root it is
 * the owner of `dataDir`, else `postgres`, else `nobody`.
 */
export async function chooseServerUser(options: {
  readonly host: Host;
  readonly dataDir?: string;
}): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { promises: fs } = options.host.fs;
  const users = parsePasswd(await fs.readFile('/etc/passwd', 'utf8'));
  const owner = options.dataDir
    ? await fs.stat(options.dataDir).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      })
    : undefined;
  if (owner && owner.uid !== 0) {
    const name = users.find(({ uid }) => uid === owner.uid)?.name ?? String(owner.uid);
    return { uid: owner.uid, gid: owner.gid, name };
  }
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((candidate) => candidate.name === name && candidate.uid !== 0);
    if (user) return user;
  }
  throw new HoldfastError('POSTGRES_NO_SERVER_USER');
}

/** Lines of passwd(5): name:password:uid:gid:comment:home:shell. */
function parsePasswd(text: string): ServerUser[] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

/** Gives a directory tree's root to the server's user; does nothing when it is our own. */
export async function giveTo(options: {
  readonly host: Host;
  readonly path: string;
  readonly user: ServerUser | undefined;
}): Promise<void> {
  const { host, path, user } = options;
  if (user) await host.fs.promises.chown(path, user.uid, user.gid);
}
