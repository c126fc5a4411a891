import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { faultyFileSystem, killAt } from '../doubles/faulty-file-system.ts';
import { testHost } from '../doubles/host.ts';
import { restoreTo } from '../recovery/scenario.ts';
import { readTree } from '../recovery/tree.ts';
import { soak } from '../support/soak.ts';
import { removeTemporary, temporaryDirectory } from '../support/temporary.ts';
import { Attempts } from './attempts.ts';
import { seeded } from './seeded.ts';

const CONTROL_FILE = 'global/pg_control';
const SAMPLED = soak(400, 6);

test('a restore that ends at any call leaves no control file, or everything but its last bytes', {
  timeout: soak(3_600_000, 120_000),
}, async (context) => {
  const { seed, below } = seeded(context);
  await using attempts = await Attempts.start();
  const { repository } = attempts;
  const root = temporaryDirectory();
  const restoreInto = (name: string, host = testHost()) => {
    const directory = join(root, name);
    const target = { kind: 'latest' } as const;
    return restoreTo({ repository, target, start: false, directory, host });
  };
  const counted = faultyFileSystem();
  await restoreInto('whole', testHost({ fs: counted.fs }));
  const expected = (await readTree(join(root, 'whole'))).files;
  const calls = counted.calls.length;
  // The last calls are about the control file.
  const last = Array.from({ length: soak(40, 2) }, (_, call) => calls - call);
  for (const moment of [...last, ...Array.from({ length: SAMPLED }, () => 1 + below(calls))]) {
    const directory = join(root, 'restored');
    const { fs } = faultyFileSystem(killAt(moment, below(2) === 0 ? 'none' : 'full'));
    const died = await restoreInto('restored', testHost({ fs })).then(
      () => false,
      () => true,
    );
    const control = existsSync(join(directory, CONTROL_FILE));
    const when = `HOLDFAST_SEED=${seed}: ended at call ${moment} of ${calls}`;
    assert.ok(died || control, `${when}: done means done`);
    if (control) {
      const { files } = await readTree(directory);
      const missing = [...expected]
        .filter(([path]) => path !== CONTROL_FILE)
        .filter(([path, { sha256 }]) => files.get(path)?.sha256 !== sha256)
        .map(([path]) => path);
      assert.deepEqual(missing, [], `${when}: with a control file everything else is there`);
    }
    removeTemporary(directory);
  }
  removeTemporary(root);
  context.diagnostic(`${last.length + SAMPLED} moments of ${calls} calls`);
});
