import test, { type TestContext } from 'node:test';
import type {
  BinariesRequest,
  ServerBinaries,
} from '../../src/engines/postgres/server/binaries.ts';
import { embeddedBinaries } from '../../src/engines/postgres/server/embedded.ts';
import { findBinaries } from '../../src/engines/postgres/server/find-binaries.ts';
import { chooseServerUser } from '../../src/engines/postgres/server/server-user.ts';
import { isHoldfastError } from '../../src/errors/holdfast-error.ts';
import { machine } from '../../src/host/host.ts';
import { soaking } from './soak.ts';

const supported = [14, 15, 16, 17, 18] as const;

/** The matrix; `HOLDFAST_PG=18` or `HOLDFAST_PG=15,18` narrows it for a quick local run. */
export const majors: readonly number[] = supported.filter((major) => {
  const { HOLDFAST_PG } = process.env;
  return !HOLDFAST_PG || HOLDFAST_PG.split(',').map(Number).includes(major);
});

export interface EachMajorOptions {
  readonly from?: number;
  readonly to?: number;
  /** Where the versions behave alike, these stand for all; the soak run takes all. */
  readonly quick?: readonly number[];
  readonly timeout?: number;
}

/**
 * Defines a test for every major version. One whose server is not installed is skipped with the
 * reason, and fails where CI is set: a matrix that silently shrinks proves nothing.
 */
export function testEachMajor(
  title: string,
  body: (major: number, context: TestContext) => Promise<void>,
  options: EachMajorOptions = {},
): void {
  const { from = 14, to = 18, quick = supported, timeout = 120_000 } = options;
  const inRange = majors.filter((candidate) => candidate >= from && candidate <= to);
  // Narrowed by hand to versions that are not among the quick ones, those do.
  const chosen = inRange.filter((candidate) => soaking || quick.includes(candidate));
  for (const major of chosen.length > 0 ? chosen : inRange) {
    test(`${title} [PostgreSQL ${major}]`, { timeout }, async (context) => {
      if (!(await testBinaries(major))) {
        const reason = `PostgreSQL ${major} is not installed for ${process.platform}-${process.arch}`;
        if (process.env.CI) throw new Error(reason);
        context.skip(reason);
        return;
      }
      await body(major, context);
    });
  }
}

const found = new Map<number, Promise<ServerBinaries | undefined>>();

/** From npm, for the locked minor version; where npm has none for the platform, the system's. */
export function testBinaries(major: number): Promise<ServerBinaries | undefined> {
  const existing = found.get(major);
  if (existing) return existing;
  const search = (async () => {
    const user = await chooseServerUser({ host: machine });
    const request = { host: machine, major, user };
    return (await embeddedBinaries(request)) ?? (await installed(request));
  })();
  found.set(major, search);
  return search;
}

async function installed(request: BinariesRequest): Promise<ServerBinaries | undefined> {
  try {
    return await findBinaries(request);
  } catch (error) {
    if (isHoldfastError(error, 'POSTGRES_BINARIES_ABSENT')) return undefined;
    throw error;
  }
}
