import { listRecipients, type Repository } from '../../repository/repository.ts';
import { probeStore } from '../../store/probe.ts';
import type { Store } from '../../store/store.ts';
import type { ConfiguredContext } from '../contract.ts';
import { openConfigured, openStore } from '../open-configured.ts';
import { clockFinding, readAgainst } from './clock.ts';
import { attempt, type Finding, ok, problem, sizeText, warning } from './finding.ts';

export interface RepositoryChecks {
  readonly findings: readonly Finding[];
  /** Undefined when it does not open. */
  readonly repository: Repository | undefined;
}

export async function checkRepository(context: ConfiguredContext): Promise<RepositoryChecks> {
  const { host, config } = context;
  const store = openStore({ host, location: config.repository.location });
  let repository: Repository | undefined;
  const findings = [
    ...(await attempt('repository.store', async () => [
      await storeFinding(context, store),
      ...(await spaceFindings(context)),
      clockFinding(
        'the repository',
        await readAgainst(host.clock, () => storeTime(context, store)),
      ),
    ])),
    ...(await attempt('repository.key', async () => {
      const opened = await openConfigured(context);
      repository = opened.repository;
      return [
        keyFinding(repository),
        ...opened.warnings.map(({ message, hint }) => warning('repository.key', message, hint)),
      ];
    })),
    ...(await attempt('repository.recipients', () => recipientFindings(store))),
  ];
  return { findings, repository };
}

async function storeFinding(context: ConfiguredContext, store: Store): Promise<Finding> {
  const { conditionalCreate, compareAndSwap } = await probeStore({ store, host: context.host });
  // A monitor asks often: listing makes the store tidy what earlier probes left.
  for await (const _ of store.list('probe/'));
  if (conditionalCreate && compareAndSwap) {
    return ok('repository.store', `${store.location} takes writes, and refuses to overwrite.`);
  }
  const missing = [!conditionalCreate && 'create-only', !compareAndSwap && 'compare-and-swap'];
  return problem(
    'repository.store',
    `${store.location} ignores conditional writes (${missing.filter(Boolean).join(', ')}): two writers could overwrite each other unseen.`,
    'Move the repository to a store that honours them, and never let two holdfast processes write to this one.',
  );
}

const SCARCE_BYTES = 1024 ** 3;
const SCARCE_SHARE = 0.05;

async function spaceFindings({ host, config }: ConfiguredContext): Promise<Finding[]> {
  const { location } = config.repository;
  const volume = await host.fs.promises.statfs(location).catch(() => undefined);
  // Some file systems do not tell; what is written tells then.
  if (!volume) return [];
  const { bavail, blocks, bsize } = volume;
  const free = bavail * bsize;
  const scarce = free < SCARCE_BYTES || bavail < blocks * SCARCE_SHARE;
  const message = `${sizeText(free)} are free for the repository.`;
  const hint = 'Enlarge the volume, or delete snapshots: holdfast list, holdfast delete <snapshot>';
  return [scarce ? warning('repository.space', message, hint) : ok('repository.space', message)];
}

/** The store's time of something written now. */
async function storeTime({ host }: ConfiguredContext, store: Store): Promise<number> {
  const key = `probe/${host.random.bytes(16).toString('hex')}-clock`;
  await store.put(key, Buffer.from('now'));
  try {
    return (await store.stat(key)).modified;
  } finally {
    await store.remove(key).catch(() => undefined);
  }
}

const keyFinding = ({ keys, id }: Repository): Finding =>
  keys.role === 'full'
    ? ok('repository.key', `The key opens repository ${id} and reads everything.`)
    : ok(
        'repository.key',
        `The key opens repository ${id} for writing; it cannot restore or verify V3.`,
      );

async function recipientFindings(store: Store): Promise<Finding[]> {
  const damaged: Finding[] = [];
  const recipients = await listRecipients({
    store,
    onDamaged: ({ key, error }) => {
      const hint = `Copy ${key} back from another copy of the repository; holdfast key list shows the keys that work.`;
      damaged.push(problem('repository.recipients', error.message, hint));
    },
  });
  const full = recipients.filter(({ role }) => role === 'full').length;
  const message = `${full} full ${full === 1 ? 'key opens' : 'keys open'} it.`;
  const hint = 'A second one, kept elsewhere: holdfast key add --key-file <path>';
  return [ok('repository.recipients', message, full === 1 ? hint : undefined), ...damaged];
}
