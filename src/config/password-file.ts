import { homedir } from 'node:os';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Endpoint, SourceConfig } from './config.ts';
import type { Environment } from './environment.ts';
import { readSecret, type Secret } from './secrets.ts';

interface Entry {
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/**
 * The password of a source at one of its hosts: password-file or password-env, else the password
 * file of PostgreSQL's own clients (PGPASSFILE, ~/.pgpass), else undefined: none may be needed.
 * `database` is `replication` for a replication connection.
 */
export async function readPassword(options: {
  readonly source: SourceConfig;
  readonly endpoint: Endpoint;
  readonly database: string;
  readonly host: Host;
  readonly environment: Environment;
}): Promise<Secret<string | undefined>> {
  const { source, endpoint, database, host, environment } = options;
  if (source.password) {
    const purpose = `password of source ${source.name}`;
    return readSecret({ place: source.password, purpose, host, environment });
  }
  const home = environment.HOME || homedir();
  const file = environment.PGPASSFILE || path.join(home, '.pgpass');
  const fileSystem = host.fs.promises;
  let text: string;
  try {
    const { mode } = await fileSystem.stat(file);
    if (mode & 0o077) {
      const message = `The password file ${file} is ignored: other users can read it.`;
      return { value: undefined, warnings: [{ message, hint: `chmod 600 ${file}` }] };
    }
    text = await fileSystem.readFile(file, 'utf8');
  } catch (error) {
    // As libpq does: a password file that is not there is no error.
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' && !environment.PGPASSFILE) return { value: undefined, warnings: [] };
    const message = `The password file ${file} cannot be read: ${(error as Error).message}`;
    const hint = `Make it readable for this user, or set password-file for source ${source.name}.`;
    return { value: undefined, warnings: [{ message, hint }] };
  }
  const value = findPassword({ text, endpoint, database, user: source.user });
  return { value, warnings: [] };
}

/** The first matching line wins, as in libpq: `host:port:database:user:password`, `*` matches all. */
export function findPassword(options: {
  readonly text: string;
  readonly endpoint: Endpoint;
  readonly database: string;
  readonly user: string;
}): string | undefined {
  const { text, endpoint, database, user } = options;
  // libpq looks Unix sockets up as "localhost" or as their directory.
  const hosts = endpoint.kind === 'tcp' ? [endpoint.host] : ['localhost', endpoint.directory];
  const matches = (pattern: string, values: readonly string[]) =>
    pattern === '*' || values.includes(pattern);
  return parsePasswordFile(text).find(
    (entry) =>
      matches(entry.host, hosts) &&
      matches(entry.port, [String(endpoint.port)]) &&
      matches(entry.database, [database]) &&
      matches(entry.user, [user]),
  )?.password;
}

function parsePasswordFile(text: string): Entry[] {
  return text.split(/\r?\n/).flatMap((line) => {
    if (line === '' || line.startsWith('#')) return [];
    const [host, port, database, user, password] = splitEscaped(line);
    if (!host || !port || !database || !user || password === undefined) return [];
    return [{ host, port, database, user, password }];
  });
}

/** Splits at `:`; a backslash takes the next character as it is. */
function splitEscaped(line: string): string[] {
  const fields = [''];
  for (let i = 0; i < line.length; i++) {
    const escaped = line[i] === '\\' && i + 1 < line.length;
    if (escaped) i++;
    if (line[i] === ':' && !escaped) fields.push('');
    else fields[fields.length - 1] += line[i];
  }
  return fields;
}
