import fs from 'node:fs/promises';
import path from 'node:path';
import { type FaultPlan, type FaultyFileSystem, faultyFileSystem } from './faulty-file-system.ts';

export interface PowerLossFileSystem extends FaultyFileSystem {
  /** Leaves below the root the least that a disk must have kept: what was synced. */
  losePower(): Promise<void>;
}

/**
 * A file system that remembers what fsync made durable: the bytes of a file, the entries of a
 * directory. What is below `root` at first counts as durable only when `trusted`.
 */
export async function powerLossFileSystem(options: {
  root: string;
  plan?: FaultPlan;
  trusted: boolean;
}): Promise<PowerLossFileSystem> {
  const { root } = options;
  /** By inode: links share their bytes. */
  const bytes = new Map<number, Buffer>();
  /** By directory: the inode behind each durable name. */
  const entries = new Map<string, Map<string, number>>();

  const keepFile = async (file: string) => {
    bytes.set((await fs.stat(file)).ino, await fs.readFile(file));
  };
  const keepDirectory = async (directory: string) => {
    const kept = new Map<string, number>();
    for (const name of await fs.readdir(directory)) {
      kept.set(name, (await fs.stat(path.join(directory, name))).ino);
    }
    entries.set(directory, kept);
  };
  const trust = async (directory: string) => {
    await keepDirectory(directory);
    for (const item of await fs.readdir(directory, { withFileTypes: true })) {
      const below = path.join(directory, item.name);
      await (item.isDirectory() ? trust(below) : keepFile(below));
    }
  };
  if (options.trusted) await trust(root);

  const faulty = faultyFileSystem(options.plan, async ({ name, path: where }) => {
    if (name !== 'handle.sync') return;
    await ((await fs.stat(where)).isDirectory() ? keepDirectory(where) : keepFile(where));
  });

  const lose = async (directory: string) => {
    const kept = entries.get(directory);
    for (const item of await fs.readdir(directory, { withFileTypes: true })) {
      const below = path.join(directory, item.name);
      const { ino } = await fs.stat(below);
      if (kept?.get(item.name) !== ino) await fs.rm(below, { recursive: true });
      else if (item.isDirectory()) await lose(below);
      else await fs.writeFile(below, bytes.get(ino) ?? Buffer.alloc(0));
    }
  };
  return { ...faulty, losePower: () => lose(root) };
}
