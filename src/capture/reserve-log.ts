import { SlotKeeper } from '../engines/postgres/wal/slot-keeper.ts';
import type { Host } from '../host/host.ts';
import type { PostgresSource } from './source.ts';

/**
 * Makes sure that the slot of a follower stands before a snapshot begins, so that a follower which
 * first runs after it finds everything since: no hole between a backup and the log that follows.
 */
export async function reserveLog(options: {
  readonly host: Host;
  readonly source: PostgresSource;
  readonly slot: string;
  readonly onNotice: (sentence: string) => void;
  readonly signal?: AbortSignal;
}): Promise<void> {
  const { host, source, slot, onNotice, signal } = options;
  const reach = await source.reach({ physical: false });
  const keeper = new SlotKeeper({
    host,
    source: { ...reach, applicationName: 'holdfast_backup' },
    slot,
    uploaded: () => undefined,
    onEvent: (event) => {
      if (event.kind === 'slot-lost') onNotice(`${event.error.message} Creating it anew.`);
      if (event.kind !== 'slot-created') return;
      onNotice(
        `Created the replication slot ${slot}: the server keeps its log from here on, until ` +
          `holdfast follow ${source.name} brings it to the repository. Run that soon.`,
      );
    },
  });
  await keeper.once(signal);
}
