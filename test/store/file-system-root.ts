import { FileSystemStore } from '../../src/store/filesystem/file-system-store.ts';
import { type FaultPlan, faultyFileSystem } from '../doubles/faulty-file-system.ts';
import { testHost } from '../doubles/host.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';

export async function temporaryRoot(): Promise<{ root: string; cleanup: () => Promise<void> }> {
  const root = temporaryDirectory();
  return { root, cleanup: async () => removeTemporary(root) };
}

export async function withRoot(run: (root: string) => Promise<void>): Promise<void> {
  const { root, cleanup } = await temporaryRoot();
  try {
    await run(root);
  } finally {
    await cleanup();
  }
}

export const openPlain = (root: string) => new FileSystemStore({ root, host: testHost() });
export function openFaulty(root: string, plan?: FaultPlan) {
  const { fs: faulty, calls } = faultyFileSystem(plan);
  return { store: new FileSystemStore({ root, host: testHost({ fs: faulty }) }), calls };
}
