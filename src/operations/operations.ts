import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Operations } from './contract.ts';

const unbound = (name: string) => async (): Promise<never> => {
  throw new HoldfastError('INTERNAL', { reason: `${name} is not part of this build` });
};

/** The rooms behind the commands. */
export const operations: Operations = {
  init: unbound('init'),
  backup: unbound('backup'),
  follow: unbound('follow'),
  restore: unbound('restore'),
  verify: unbound('verify'),
  list: unbound('list'),
  show: unbound('show'),
  window: unbound('window'),
  deleteSnapshot: unbound('delete'),
  doctor: unbound('doctor'),
  demo: unbound('demo'),
  walPush: unbound('wal-push'),
  walFetch: unbound('wal-fetch'),
  keyAdd: unbound('key add'),
  keyList: unbound('key list'),
};
