import fs from 'node:fs';

/**
 * Preloaded into a process (`--import`): reading a pack never ends, as on a volume that hangs, and
 * says so on stderr.
 */
const open = fs.promises.open;
fs.promises.open = async (...parameters: Parameters<typeof open>) => {
  if (/\/packs\/.*\/[0-9a-f]{32}$/.test(String(parameters[0]))) {
    process.stderr.write('a read hangs\n');
    await new Promise((resolve) => setTimeout(resolve, 3_600_000));
  }
  return await open(...parameters);
};
