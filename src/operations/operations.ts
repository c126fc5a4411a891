import { HoldfastError } from '../errors/holdfast-error.ts';
import { backup } from './backup.ts';
import type { Operations } from './contract.ts';
import { demo } from './demo.ts';
import { follow } from './follow.ts';
import { keyAdd } from './key-add.ts';
import { keyList } from './key-list.ts';
import { list } from './list.ts';
import { restore } from './restore.ts';
import { show } from './show.ts';
import { window } from './window.ts';

const unbound = (name: string) => async (): Promise<never> => {
  throw new HoldfastError('INTERNAL', { reason: `${name} is not part of this build` });
};

/** The rooms behind the commands. */
export const operations: Operations = {
  init: unbound('init'),
  backup,
  follow,
  restore,
  verify: unbound('verify'),
  list,
  show,
  window,
  deleteSnapshot: unbound('delete'),
  doctor: unbound('doctor'),
  demo,
  walPush: unbound('wal-push'),
  walFetch: unbound('wal-fetch'),
  keyAdd,
  keyList,
};
