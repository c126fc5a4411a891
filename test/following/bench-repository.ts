import { loadConfig } from '../../src/config/load-config.ts';
import { machine } from '../../src/host/host.ts';
import { openConfigured } from '../../src/operations/open-configured.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { Workbench } from '../operations/workbench.ts';

/** The repository of a workbench, as a process on it would open it. */
export async function benchRepository(bench: Workbench): Promise<Repository> {
  const config = await loadConfig({ file: bench.configFile, host: machine });
  const { environment } = bench;
  const { repository } = await openConfigured({ host: machine, environment, config });
  return repository;
}
