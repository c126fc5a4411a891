import { join } from 'node:path';
import type { Host } from '../../../host/host.ts';
import type { Settings } from './isolation.ts';
import { giveTo, type ServerUser } from './server-user.ts';

/**
 * Distributions such as Debian keep the configuration outside the data directory, where a base
 * backup does not see it. Writes what is missing for the server to start; answers what it wrote.
 */
export async function synthesiseConfiguration(options: {
  readonly host: Host;
  readonly dataDir: string;
  readonly user: ServerUser | undefined;
  /** What the source ran with, as far as a server needs it to start. */
  readonly settings: Settings;
}): Promise<string[]> {
  const { host, dataDir, user, settings } = options;
  const heading = '# Written by holdfast: the backup held no such file.\n';
  const contents: Record<string, string> = {
    'postgresql.conf': Object.entries(settings)
      .map(([name, value]) => `${name} = ${quote(value)}\n`)
      .join(''),
    'pg_hba.conf': 'local all all peer\n',
    'pg_ident.conf': '',
  };
  const written: string[] = [];
  for (const [name, content] of Object.entries(contents)) {
    const path = join(dataDir, name);
    try {
      await host.fs.promises.writeFile(path, heading + content, { flag: 'wx', mode: 0o600 });
      await giveTo({ host, path, user });
      written.push(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return written;
}

/** A value of postgresql.conf. */
export function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
