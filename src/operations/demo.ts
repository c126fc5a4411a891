import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDemo } from '../recovery/demo/demo.ts';
import type { Context, DemoRequest, DemoResult } from './contract.ts';
import { takenSummary } from './snapshot-summary.ts';

/** Everything on a throw-away cluster, in a directory that goes with it. */
export async function demo(context: Context, request: DemoRequest): Promise<DemoResult> {
  const { host, onProgress, onNotice, signal } = context;
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-demo-'));
  // Below it everything is private; the server's own user must get to its part.
  await host.fs.promises.chmod(directory, 0o755);
  try {
    const report = await runDemo({ host, directory, onProgress, onNotice, signal });
    return {
      ok: report.ok,
      engine: 'postgres',
      version: report.version,
      commitsAcknowledged: report.commitsAcknowledged,
      commitsLost: report.commitsLost,
      proofLevel: report.proofLevel,
      snapshots: report.snapshots.map(takenSummary),
      phases: report.phases,
      restores: report.restores.map(({ target, reached, seconds, checks }) => ({
        target,
        reached,
        seconds,
        checks: checks.map(({ name, level, ok, detail }) => ({ name, level, ok, detail })),
      })),
      ...(request.keep && { directory }),
    };
  } finally {
    if (!request.keep) await host.fs.promises.rm(directory, { recursive: true, force: true });
  }
}
