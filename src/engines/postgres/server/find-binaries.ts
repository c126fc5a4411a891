import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { type BinariesRequest, examine, type ServerBinaries } from './binaries.ts';
import { embeddedBinaries } from './embedded.ts';

/** PATH, then the folders of Debian, Red Hat and Homebrew, then the package from npm. */
export async function findBinaries(request: BinariesRequest): Promise<ServerBinaries> {
  const { major, user } = request;
  const looked = [...searchPath(), ...wellKnownDirectories(major)];
  for (const directory of looked) {
    const binaries = await examine({ directory, user });
    if (binaries?.major === major) return binaries;
  }
  const embedded = await embeddedBinaries(request);
  if (embedded) return embedded;
  throw new HoldfastError('POSTGRES_BINARIES_ABSENT', { major, looked: looked.join(', ') });
}

function searchPath(): string[] {
  return (process.env.PATH ?? '').split(':').filter((entry) => entry.startsWith('/'));
}

function wellKnownDirectories(major: number): string[] {
  return [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/usr/libexec/postgresql${major}`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
    `/usr/local/pgsql/bin`,
  ];
}
