import type { Operations } from '../../src/operations/contract.ts';
import * as samples from './result-samples.ts';

/** Operations that succeed at once and do nothing: for parsing and rendering only. */
export const sampleOperations: Operations = {
  init: async () => samples.init,
  backup: async () => samples.backup,
  follow: async () => samples.follow,
  restore: async () => samples.restore,
  verify: async () => samples.verify,
  list: async () => samples.list,
  show: async () => samples.show,
  window: async () => samples.window,
  deleteSnapshot: async () => samples.deleted,
  doctor: async () => samples.doctor,
  demo: async () => samples.demo,
  walPush: async () => samples.walPush,
  walFetch: async () => samples.walFetch,
  keyAdd: async () => samples.keyAdd,
  keyList: async () => samples.keyList,
};
