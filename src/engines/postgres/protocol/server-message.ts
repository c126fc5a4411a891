/** The fields of an ErrorResponse or NoticeResponse. */
export interface ServerMessage {
  /** Not localised: ERROR, FATAL, WARNING … */
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** The C function that raised it: unlike the message, never localised. */
  readonly routine: string;
}

/** Byte1 field code ‖ String, …, Byte1 0. */
export function parseServerMessage(payload: Buffer): ServerMessage {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < payload.length && payload[at] !== 0) {
    const end = payload.indexOf(0, at + 1);
    if (end < 0) break;
    fields.set(String.fromCharCode(payload[at]!), payload.toString('utf8', at + 1, end));
    at = end + 1;
  }
  const detail = fields.get('D');
  const hint = fields.get('H');
  return {
    severity: fields.get('V') ?? fields.get('S') ?? 'ERROR',
    sqlState: fields.get('C') ?? 'XX000',
    message: fields.get('M') ?? '',
    routine: fields.get('R') ?? '',
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  };
}
