import { backup } from './backup.ts';
import type { Operations } from './contract.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { follow } from './follow.ts';
import { init } from './init.ts';
import { keyAdd } from './key-add.ts';
import { keyList } from './key-list.ts';
import { list } from './list.ts';
import { restore } from './restore.ts';
import { show } from './show.ts';
import { verify } from './verify.ts';
import { walFetch } from './wal-fetch.ts';
import { walPush } from './wal-push.ts';
import { window } from './window.ts';

/** The rooms behind the commands. */
export const operations: Operations = {
  init,
  backup,
  follow,
  restore,
  verify,
  list,
  show,
  window,
  deleteSnapshot,
  doctor,
  demo,
  walPush,
  walFetch,
  keyAdd,
  keyList,
};
