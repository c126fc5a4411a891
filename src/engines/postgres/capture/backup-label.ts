/** What backup_label says beside the positions, which BASE_BACKUP answers itself. */
export interface BackupLabel {
  /** To be restored: a snapshot is a full one, whatever it was taken as. */
  readonly bytes: Buffer;
  readonly from: 'primary' | 'standby';
}

/**
 * PostgreSQL refuses to start from a label that says `INCREMENTAL FROM`: those lines are left out,
 * as pg_combinebackup does.
 */
export function readBackupLabel(label: Buffer): BackupLabel {
  const lines = label.toString('utf8').split('\n');
  return {
    bytes: Buffer.from(lines.filter((line) => !line.startsWith('INCREMENTAL FROM ')).join('\n')),
    from: lines.includes('BACKUP FROM: standby') ? 'standby' : 'primary',
  };
}
