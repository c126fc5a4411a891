import type { ErrorCode } from '../../../errors/catalogue.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import type { ServerMessage } from './server-message.ts';

/** Who was talking to whom: facts for the hint. */
export interface Peer {
  readonly address: string;
  readonly user: string;
  readonly database: string;
}

/** What the server said, as an entry of the catalogue. The SQLSTATE is kept in `facts.sqlState`. */
export function serverError(message: ServerMessage, peer: Peer): HoldfastError {
  const reason = [message.message, message.detail, message.hint].filter(Boolean).join(' — ');
  return new HoldfastError(codeFor(message), { ...peer, reason, sqlState: message.sqlState });
}

const BY_SQLSTATE: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'POSTGRES_WRONG_PASSWORD',
  '3D000': 'POSTGRES_DATABASE_ABSENT',
  '42501': 'POSTGRES_PRIVILEGE',
  '42704': 'POSTGRES_OBJECT_ABSENT',
  '42710': 'POSTGRES_OBJECT_EXISTS',
  '53300': 'POSTGRES_TOO_MANY_CONNECTIONS',
  '55006': 'POSTGRES_OBJECT_IN_USE',
  '57P01': 'POSTGRES_SHUTTING_DOWN',
  '57P02': 'POSTGRES_SHUTTING_DOWN',
  '57P03': 'POSTGRES_NOT_ACCEPTING',
  '57014': 'POSTGRES_CANCELLED',
  XX001: 'POSTGRES_DATA_CORRUPTED',
  XX002: 'POSTGRES_DATA_CORRUPTED',
};

/** Classes that say nothing about the request: resources, connection, operator, serialization. */
const TRANSIENT_CLASSES = new Set(['08', '40', '53', '57', '58']);

/** Where one SQLSTATE stands for several failures: the routine first, the (localised) text second. */
function codeFor({ sqlState, message, hint, routine }: ServerMessage): ErrorCode {
  if (sqlState === '28000') {
    const refused = routine === 'ClientAuthentication' || /pg_hba\.conf/.test(message);
    return refused ? 'POSTGRES_HBA_REFUSED' : 'POSTGRES_ROLE_REFUSED';
  }
  if (
    sqlState === '42501' &&
    (routine === 'InitPostgres' || /replication|walsender/i.test(message))
  ) {
    return 'POSTGRES_REPLICATION_PRIVILEGE';
  }
  if (sqlState === '53300' && /max_wal_senders\D+0\D*$/.test(message)) {
    return 'POSTGRES_NO_WAL_SENDERS';
  }
  if (sqlState === '58P01' && (routine === 'WalSndSegmentOpen' || /WAL segment/.test(message))) {
    return 'POSTGRES_WAL_REMOVED';
  }
  if (sqlState === '55000') {
    const incremental = incrementalRefusal(routine, message);
    if (incremental) return incremental;
    if (/standby was promoted/.test(message)) return 'POSTGRES_PROMOTED_MEANWHILE';
    if (/full_page_writes/.test(message)) return 'POSTGRES_FULL_PAGE_WRITES_OFF';
    if (/wal_level/.test(`${message} ${hint ?? ''}`)) return 'POSTGRES_WAL_LEVEL';
  }
  const exact = BY_SQLSTATE[sqlState];
  if (exact) return exact;
  return TRANSIENT_CLASSES.has(sqlState.slice(0, 2)) ? 'POSTGRES_TEMPORARY' : 'POSTGRES_REFUSED';
}

/** Why BASE_BACKUP (INCREMENTAL) cannot build on the uploaded manifest; each falls back to a full. */
function incrementalRefusal(routine: string, message: string): ErrorCode | undefined {
  if (/^(WaitForWalSummarization|parse_basebackup_options)$/.test(routine)) {
    return 'POSTGRES_SUMMARIES_MISSING';
  }
  if (routine !== 'PrepareForIncrementalBackup') return undefined;
  if (/but this backup starts at/.test(message)) return 'POSTGRES_PARENT_TOO_NEW';
  if (/in this server's history|that timeline begins|switched timelines/.test(message)) {
    return 'POSTGRES_PARENT_NOT_ANCESTOR';
  }
  return 'POSTGRES_SUMMARIES_MISSING';
}
